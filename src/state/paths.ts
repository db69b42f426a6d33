/** The files of a container's state directory, `<root>/<id>/`. */

export interface StatePaths {
  /** The directory itself, which is also what commands lock; see lock.ts. */
  directory: string;
  /** What later commands need; see state.ts. */
  state: string;
  /** The spec's process object, the defaults of `exec`. */
  process: string;
  /** The start gate: there until the container has been started. */
  execFifo: string;
  /** Fifo in which the process tells `start` what failed behind the gate. */
  execReport: string;
  /** Path of the cgroup, noted before it is made: for a create that is killed before it has a state. */
  cgroup: string;
  /** Directory of the relayed notify socket, only with NOTIFY_SOCKET. */
  notify: string;
}

export function statePaths(root: string, id: string): StatePaths {
  const directory = `${root}/${id}`;
  return {
    directory,
    state: `${directory}/state.json`,
    process: `${directory}/process.json`,
    execFifo: `${directory}/exec.fifo`,
    execReport: `${directory}/exec.report`,
    cgroup: `${directory}/cgroup`,
    notify: `${directory}/notify`,
  };
}
