/** The files of a container's state directory, `<root>/<id>/`. */

/** Made when they are asked for: `list` wants two of them, a thousand times. */
export class StatePaths {
  /** @param directory the directory itself, which is also what commands lock; see lock.ts */
  constructor(readonly directory: string) {}

  /** What later commands need; see state.ts and state-file.ts. */
  get state(): string {
    return `${this.directory}/state.json`;
  }

  /** The start gate: there until the container has been started. */
  get execFifo(): string {
    return `${this.directory}/exec.fifo`;
  }

  /** Fifo in which the process tells `start` what failed behind the gate. */
  get execReport(): string {
    return `${this.directory}/exec.report`;
  }

  /** The compiled filter of system calls, only with linux.seccomp. */
  get seccomp(): string {
    return `${this.directory}/seccomp.bpf`;
  }

  /** Directory of the relayed notify socket, only with NOTIFY_SOCKET. */
  get notify(): string {
    return `${this.directory}/notify`;
  }
}

export function statePaths(root: string, id: string): StatePaths {
  return new StatePaths(`${root}/${id}`);
}
