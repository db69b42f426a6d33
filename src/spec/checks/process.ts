import { parseCpuList } from '../cpu-list.js';
import { shown } from '../problem.js';
import type { Process } from '../types.js';
import type { Report } from './rule.js';

/** getrlimit(2); config.md, POSIX process: any other value is an error. */
function isRlimit(type: string): boolean {
  switch (type) {
    case 'RLIMIT_AS':
    case 'RLIMIT_CORE':
    case 'RLIMIT_CPU':
    case 'RLIMIT_DATA':
    case 'RLIMIT_FSIZE':
    case 'RLIMIT_LOCKS':
    case 'RLIMIT_MEMLOCK':
    case 'RLIMIT_MSGQUEUE':
    case 'RLIMIT_NICE':
    case 'RLIMIT_NOFILE':
    case 'RLIMIT_NPROC':
    case 'RLIMIT_RSS':
    case 'RLIMIT_RTPRIO':
    case 'RLIMIT_RTTIME':
    case 'RLIMIT_SIGPENDING':
    case 'RLIMIT_STACK':
      return true;
    default:
      return false;
  }
}

/** config.md, POSIX process: known types, each once; setrlimit(2): soft is not above hard. */
export function rlimits(process: Process, at: string, report: Report): void {
  const seen = new Set<string>();
  process.rlimits?.forEach(({ type, soft, hard }, index) => {
    if (isRlimit(type) && !seen.has(type) && soft <= hard) {
      seen.add(type);
      return;
    }
    const entry = `${at}/rlimits/${String(index)}`;
    if (!isRlimit(type)) report(`${entry}/type`, `${shown(type)} is not a resource limit of Linux`);
    if (seen.has(type)) report(entry, `sets ${shown(type)} a second time`);
    if (soft > hard) report(`${entry}/soft`, 'must not be greater than hard');
    seen.add(type);
  });
}

/** environ(7): NAME=value. */
export function environment(process: Process, at: string, report: Report): void {
  process.env?.forEach((variable, index) => {
    const equals = variable.indexOf('=');
    if (equals > 0) return;
    if (equals === -1) report(`${at}/env/${String(index)}`, "must have a '=' after the name");
    if (equals === 0) report(`${at}/env/${String(index)}`, "must have a name before the '='");
  });
}

/** A terminal's size is two 16-bit numbers. Without a terminal consoleSize is ignored. */
export function consoleSize(process: Process, at: string, report: Report): void {
  if (process.terminal !== true || process.consoleSize === undefined) return;
  for (const side of ['height', 'width'] as const) {
    if (process.consoleSize[side] > 0xffff) {
      const value = shown(process.consoleSize[side]);
      report(`${at}/consoleSize/${side}`, `is ${value}, must be an integer from 0 to 65535`);
    }
  }
}

/** sched(7), sched_setattr(2): what each policy takes. The kernel takes a nice value with all of them. */
export function scheduler(process: Process, at: string, report: Report): void {
  const { policy, priority = 0, runtime = 0, deadline = 0, period = 0 } = process.scheduler ?? {};
  if (policy === undefined) return;
  const field = `${at}/scheduler`;
  if (policy === 'SCHED_FIFO' || policy === 'SCHED_RR') {
    if (priority < 1 || priority > 99) {
      report(
        `${field}/priority`,
        `is ${shown(priority)}, must be an integer from 1 to 99 for ${shown(policy)}`,
      );
    }
  } else if (priority !== 0) {
    report(
      `${field}/priority`,
      `means nothing to ${shown(policy)}, only to SCHED_FIFO and SCHED_RR`,
    );
  }
  if (policy !== 'SCHED_DEADLINE') {
    for (const [name, value] of Object.entries({ runtime, deadline, period })) {
      if (value > 0)
        report(`${field}/${name}`, `means nothing to ${shown(policy)}, only to SCHED_DEADLINE`);
    }
    return;
  }
  // The kernel counts in units of 1024 ns; a period of 0 is the deadline.
  if (runtime < 1024) report(`${field}/runtime`, 'must be at least 1024 for SCHED_DEADLINE');
  if (deadline < runtime || deadline <= 0) {
    report(`${field}/deadline`, 'must not be less than runtime for SCHED_DEADLINE');
  }
  if (period > 0 && period < deadline) {
    report(`${field}/period`, 'must not be less than deadline');
  }
}

/** ioprio_set(2): all classes but the idle one have levels. */
export function ioPriority(process: Process, at: string, report: Report): void {
  const { class: name, priority } = process.ioPriority ?? {};
  if (name === undefined || name === 'IOPRIO_CLASS_IDLE' || priority !== undefined) return;
  report(`${at}/ioPriority/priority`, `is required for ${shown(name)}`);
}

/** config.md, execCPUAffinity: comma-separated CPUs and ranges; empty is the same as absent. */
export function execCPUAffinity(process: Process, at: string, report: Report): void {
  for (const moment of ['initial', 'final'] as const) {
    const list = process.execCPUAffinity?.[moment];
    if (list && parseCpuList(list) === undefined) {
      report(
        `${at}/execCPUAffinity/${moment}`,
        `is ${shown(list)}, must be a list of CPUs such as 0-3,7`,
      );
    }
  }
}
