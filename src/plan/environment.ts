/** process.env: what the program finds in its environment. */

import { invalid } from './invalid.js';

/**
 * The last entry of a name wins, and HOME is filled in from the container's
 * /etc/passwd when it is missing or empty.
 *
 * @param at JSON pointer of `env`
 * @param more entries of the runtime's own, which win over the configuration's
 */
export function planEnvironment(
  env: readonly string[],
  at: string,
  more: readonly string[],
  home: () => string,
): string[] {
  const last = new Map<string, string>();
  const put = (entry: string, name: string): void => {
    // Deleted first, so that it takes the place of its last occurrence.
    last.delete(name);
    last.set(name, entry);
  };
  env.forEach((entry, index) => {
    const equals = entry.indexOf('=');
    if (equals < 1) throw invalid(`${at}/${index}`, `must be NAME=value: ${entry}`);
    put(entry, entry.slice(0, equals));
  });
  for (const entry of more) put(entry, entry.slice(0, entry.indexOf('=')));
  const known = last.get('HOME');
  if (known === undefined || known === 'HOME=') {
    last.delete('HOME');
    last.set('HOME', `HOME=${home()}`);
  }
  return [...last.values()];
}

/** The home directory of a user in the text of an /etc/passwd, `/` when it has none (passwd(5)). */
export function homeDirectory(passwd: string | undefined, uid: number): string {
  const wanted = String(uid);
  for (const line of (passwd ?? '').split('\n')) {
    const fields = line.split(':');
    if (fields[2] !== wanted || fields[5] === undefined) continue;
    return fields[5].startsWith('/') ? fields[5] : '/';
  }
  return '/';
}

/** Where execvp(3) looks: PATH, an empty element being the current directory, else its default. */
export function searchDirectories(env: readonly string[]): string[] {
  let path = '/bin:/usr/bin';
  for (const entry of env) if (entry.startsWith('PATH=')) path = entry.slice(5);
  const directories = path.split(':');
  for (let i = 0; i < directories.length; i++) if (directories[i] === '') directories[i] = '.';
  return directories;
}
