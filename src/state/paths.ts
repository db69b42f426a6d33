/** What a container's state directory `<root>/<id>/` holds. */

import type { StateRoot } from './root.js';

/** What later commands need; see state.ts and state-file.ts. */
export const STATE_FILE = 'state.json';
/** The start gate: there until the container has been started. */
export const EXEC_FIFO = 'exec.fifo';
/** Fifo in which the process tells `start` what failed behind the gate. */
export const EXEC_REPORT = 'exec.report';
/** The compiled filter of system calls, only with linux.seccomp. */
export const SECCOMP_FILE = 'seccomp.bpf';
/** Directory of the relayed notify socket, only with NOTIFY_SOCKET. */
export const NOTIFY_DIRECTORY = 'notify';

/**
 * Of these files: the owner's alone. What cleans up old files below /tmp leaves those alone that are
 * sticky (XDG Base Directory Specification, of XDG_RUNTIME_DIR; tmpfiles.d(5)).
 */
export const STATE_MODE = 0o1600;

/**
 * Path of the directory, or of what it holds: for messages, and for what only takes a path. Nobody
 * else can change where it leads to (safe-path.ts).
 */
export function statePath(root: StateRoot, id: string, name?: string): string {
  const directory = `${root.path}/${id}`;
  return name === undefined ? directory : `${directory}/${name}`;
}
