/** What is left of containers on this machine. Tests expect: nothing. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Place {
  /** Part of the cgroups' names: an id, or what ids begin with. */
  id: string;
  /** State root. */
  root: string;
  /** Directory of the bundle. */
  bundle: string;
}

/** State directories, cgroups, mounts on this host, and living processes, each as a line of text. */
export function leftOf({ id, root, bundle }: Place): string[] {
  return [
    ...(existsSync(root) ? readdirSync(root) : []).map((name) => `state ${name}`),
    ...cgroupsOf(id).map((path) => `cgroup ${path}`),
    ...mountsOf('self', [bundle, root]).map((line) => `mount ${line}`),
    ...processesOf(id, bundle).map((text) => `process ${text}`),
  ];
}

/** Directories of the v2 hierarchy whose name has the id in it. */
export function cgroupsOf(id: string): string[] {
  const top = existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';
  const found: string[] = [];
  const walk = (directory: string): void => {
    for (const entry of list(directory)) {
      const path = join(directory, entry);
      if (entry.includes(id)) found.push(path);
      walk(path);
    }
  };
  walk(top);
  return found;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    // Another test's cgroup, gone meanwhile.
    return [];
  }
}

function mountsOf(pid: string, paths: readonly string[]): string[] {
  return read(`/proc/${pid}/mountinfo`)
    .split('\n')
    .filter((line) => paths.some((path) => line.includes(path)));
}

/** Living processes that have the bundle mounted or the id in their command line. Zombies count as ended. */
function processesOf(id: string, bundle: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid || stateOf(pid) === 'Z') continue;
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    if (command.includes(id) || mountsOf(pid, [bundle]).length > 0) found.push(`${pid} ${command}`);
  }
  return found;
}

/** The state letter of /proc/PID/stat; Z also for one that is gone. */
function stateOf(pid: string): string {
  return /\) (\S)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? 'Z';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
