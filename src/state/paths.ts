/** The files of a container's state directory, `<root>/<id>/`. */

export interface StatePaths {
  /** The directory itself, which is also what commands lock; see lock.ts. */
  directory: string;
  /** What later commands need; see state.ts and state-file.ts. */
  state: string;
  /** The start gate: there until the container has been started. */
  execFifo: string;
  /** Fifo in which the process tells `start` what failed behind the gate. */
  execReport: string;
  /** The compiled filter of system calls, only with linux.seccomp. */
  seccomp: string;
  /** Directory of the relayed notify socket, only with NOTIFY_SOCKET. */
  notify: string;
}

export function statePaths(root: string, id: string): StatePaths {
  const directory = `${root}/${id}`;
  return {
    directory,
    state: `${directory}/state.json`,
    execFifo: `${directory}/exec.fifo`,
    execReport: `${directory}/exec.report`,
    seccomp: `${directory}/seccomp.bpf`,
    notify: `${directory}/notify`,
  };
}
