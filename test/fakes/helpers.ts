/** The helpers of the fake system (system.ts): they do what their steps say, or what the test wants them to. */

import { EAGAIN } from '../../src/native/constants.js';
import type { Message, SpawnRequest } from '../../src/native/types.js';
import type { Step } from '../../src/plan/steps.js';
import type { FakeProcess } from './processes.js';
import type { FakeSystem } from './system.js';

export interface Helper {
  process: FakeProcess;
  steps: readonly Step[];
  at: number;
  waiting: boolean;
  ended: boolean;
}

export class FakeHelpers {
  constructor(private readonly system: FakeSystem) {}

  spawn(request: SpawnRequest): { pid: number; pidfd: number; socket: number } {
    const process = this.system.table.addChild();
    process.request = request;
    process.helper = true;
    this.system.table.show(process);
    for (const fd of request.fds) {
      const open = this.system.fds.get(fd);
      if (open?.kind === 'node' && open.node.type === 'fifo')
        this.system.table.readers.set(open.node, process);
    }
    const cgroup = this.system.fds.get(request.cgroupFd);
    if (cgroup?.kind === 'node') {
      this.system.cgroups.enter(cgroup.path, process.pid);
    }
    const helper = { process, steps: request.steps, at: 0, waiting: false, ended: false };
    return {
      pid: process.pid,
      pidfd: this.system.descriptors.open({ kind: 'pidfd', process }),
      socket: this.system.descriptors.open({ kind: 'socket', helper }),
    };
  }

  /** Another process goes on in the helper's place; its pidfd. */
  private fork(helper: Helper): number {
    const first = helper.process;
    const second = this.system.table.addChild();
    if (first.request !== undefined) second.request = first.request;
    if (first.helper !== undefined) second.helper = first.helper;
    this.system.table.show(second);
    for (const [node, reader] of this.system.table.readers)
      if (reader === first) this.system.table.readers.set(node, second);
    const cgroup = this.system.cgroups.of(first.pid);
    if (cgroup !== undefined) this.system.cgroups.enter(cgroup, second.pid);
    for (const name of this.system.files.list(`/proc/${first.pid}`) ?? []) {
      if (name === 'stat') continue;
      const { content = '' } = this.system.files.get(`/proc/${first.pid}/${name}`) ?? {};
      this.system.files.put(`/proc/${second.pid}/${name}`, 'file', content).kernel = true;
    }
    helper.process = second;
    helper.waiting = true;
    this.system.end(first, { status: 0, signal: 0 });
    const fd = this.system.descriptors.open({ kind: 'pidfd', process: second });
    this.system.files.put(`/proc/self/fdinfo/${fd}`, 'file', `Pid:\t${second.pid}\n`).kernel = true;
    return fd;
  }

  /** Walks on to where the helper has something to say. */
  next(helper: Helper): Message | number {
    if (helper.process.exit !== undefined && !helper.ended) return 0;
    if (helper.waiting) return -EAGAIN;
    if (helper.ended) return 0;
    while (helper.at < helper.steps.length) {
      const index = helper.at++;
      const step = helper.steps[index];
      if (step === undefined) break;
      const base = { step: index, value: 0, code: 0, text: '', fd: -1 };
      const failure = this.system.failStep(step);
      if (failure !== undefined) {
        this.system.end(helper.process, { status: 1, signal: 0 });
        helper.ended = true;
        const { errno, code, text } = failure;
        return { ...base, type: 'failed', value: errno, code: code ?? 0, text: text ?? '' };
      }
      if (step.op === 'sync') {
        helper.waiting = true;
        return { ...base, type: 'sync', value: step.point };
      }
      if (step.op === 'fork') return { ...base, type: 'forked', fd: this.fork(helper) };
      if (step.op === 'console') {
        const fd = this.system.descriptors.openOther();
        return { ...base, type: 'console', fd, text: '/dev/pts/0' };
      }
      if (step.op === 'seccomp' && step.listener) {
        helper.waiting = true;
        return { ...base, type: 'listener', fd: this.system.descriptors.openOther() };
      }
      if (step.op === 'lock-tree') {
        helper.waiting = true;
        return {
          ...base,
          type: 'tree',
          value: step.slot,
          fd: this.system.descriptors.openOther(),
        };
      }
      if (step.op === 'gate') return 0;
      if (step.op === 'find') this.system.ran.push(step.file);
    }
    helper.ended = true;
    this.runProgram(helper);
    return 0;
  }

  private runProgram({ process, steps }: Helper): void {
    const find = steps.find((step) => step.op === 'find');
    const program = find?.op === 'find' ? this.system.programs.get(find.file) : undefined;
    process.helper = false;
    this.system.table.show(process);
    if (program !== 'hangs') this.system.end(process, program ?? { status: 0, signal: 0 });
  }
}
