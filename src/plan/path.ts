/** Paths as text: nothing here looks at a file system. */

/** An absolute path without `.`, `..`, doubled or trailing slashes; `..` stops at the root. */
export function clean(path: string): string {
  // Nearly all are.
  if (
    path.startsWith('/') &&
    path.length > 1 &&
    !path.endsWith('/') &&
    !path.includes('//') &&
    !path.includes('/.')
  ) {
    return path;
  }
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** `path` as it is when absolute, else below `directory`. */
export function resolve(directory: string, path: string): string {
  return path.startsWith('/') ? path : clean(`${directory}/${path}`);
}

/** Of clean paths. */
export function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}
