/** The processes of the fake system (system.ts), and what /proc shows of them. */

import { EAGAIN, EBADF, ECHILD, ESRCH, SIGKILL } from '../../src/native/constants.js';
import type { ExitInfo, SpawnRequest } from '../../src/native/types.js';
import type { FakeNode } from './files.js';
import type { FakeSystem } from './system.js';

export interface FakeProcess {
  pid: number;
  startTime: number;
  state: string;
  /** As a process has it that has executed nothing yet; its program's otherwise. */
  helper?: boolean;
  /** A child of the caller's: can be reaped. */
  child: boolean;
  reaped: boolean;
  exit?: ExitInfo;
  request?: SpawnRequest;
}

export class FakeProcesses {
  readonly list = new Map<number, FakeProcess>();
  /** Who has a fifo open for reading. */
  readonly readers = new Map<FakeNode, FakeProcess>();
  private nextPid = 1000;

  constructor(private readonly system: FakeSystem) {}

  /** A child of the caller's. */
  addChild(): FakeProcess {
    return this.add({ pid: this.nextPid++, child: true });
  }

  add({ pid, child }: { pid: number; child: boolean }): FakeProcess {
    const process = { pid, startTime: 5000 + pid, state: 'S', child, reaped: false };
    this.list.set(pid, process);
    this.show(process);
    return process;
  }

  /** Ends a process; it stays a zombie until it is reaped, when it is a child. */
  end(process: FakeProcess, exit: ExitInfo = { status: 0, signal: 0 }): void {
    if (process.exit !== undefined) return;
    process.exit = exit;
    process.state = 'Z';
    this.system.cgroups.leave(process.pid);
    if (process.child) this.show(process);
    else this.forget(process);
    this.system.waits.wake();
  }

  alive(): FakeProcess[] {
    return [...this.list.values()].filter(({ pid, exit }) => pid !== 1 && exit === undefined);
  }

  /** Processes that ended and that nobody reaped. */
  zombies(): FakeProcess[] {
    return [...this.list.values()].filter(
      ({ child, exit, reaped }) => child && exit !== undefined && !reaped,
    );
  }

  show({ pid, state, startTime, helper = false }: FakeProcess): void {
    const zeros = Array.from({ length: 18 }, () => '0').join(' ');
    // A name as hostile as a process can give itself.
    const text = `${pid} (${helper ? 'tsrun/helper' : 'a) R (b'}) ${state} ${zeros} ${startTime} 0 0\n`;
    for (const name of ['stat', 'oom_score_adj', 'uid_map', 'gid_map', 'setgroups']) {
      const path = `/proc/${pid}/${name}`;
      if (name === 'stat' || this.system.files.get(path) === undefined) {
        this.system.files.put(path, 'file', name === 'stat' ? text : '').kernel = true;
      }
    }
    const links = `/proc/${pid}/ns`;
    if (this.system.files.get(links) === undefined) this.system.files.put(`${links}/user`);
    if (this.system.files.get(`/proc/${pid}/root`) === undefined) {
      this.system.files.put(`/proc/${pid}/root`, 'link', '/');
    }
    for (const path of [`/proc/${pid}/root`, `${links}/user`, links, `/proc/${pid}`, '/proc']) {
      const node = this.system.files.get(path);
      if (node !== undefined) node.kernel = true;
    }
  }

  forget(process: FakeProcess): void {
    for (const name of this.system.files.list(`/proc/${process.pid}`) ?? []) {
      this.system.files.remove(`/proc/${process.pid}/${name}`);
    }
    this.system.files.removeDirectory(`/proc/${process.pid}`);
    this.list.delete(process.pid);
  }

  kill(process: FakeProcess | undefined, signal: number): number {
    if (process === undefined || process.exit !== undefined) return -ESRCH;
    if (signal === SIGKILL) this.end(process, { status: 0, signal });
    return 0;
  }

  reap(number: number): ExitInfo | number {
    const fd = this.system.fds.get(number);
    if (fd?.kind !== 'pidfd') return -EBADF;
    const { process } = fd;
    if (!process.child || process.reaped) return -ECHILD;
    if (process.exit === undefined) return -EAGAIN;
    process.reaped = true;
    this.forget(process);
    return process.exit;
  }
}
