/** Every system call of a command's processes is failed once, and its process killed once at it. */

import type { Target } from '../../support/inject.js';
import { TEXTS, errnoFor } from './errnos.js';
import { PREFIX, STATUS, eventually } from './stage.js';
import type { Faulted, Stage } from './stage.js';
import { judgeAnswers, wordless } from './subjects.js';
import type { Judgement, Kind, Part, Subject } from './subjects.js';

export interface Fault {
  command: string;
  part: Part;
  mode: 'fail' | 'kill';
  /** Number of the call in its process, from 1. */
  call: number;
  /** Its name without a fault; the fault is made at the next call of this name. */
  name: string;
  errno?: string;
}

export interface Finding extends Fault, Judgement {}

export interface Counts {
  /** System calls of the processes. */
  calls: number;
  /** Faults that were made. */
  faults: number;
  /** Faults after which something was wrong. */
  bad: number;
  kinds: Record<Kind, number>;
}

export const noCounts = (): Counts => ({
  calls: 0,
  faults: 0,
  bad: 0,
  kinds: { hang: 0, crash: 0, left: 0, wrong: 0, wordless: 0, reason: 0 },
});

/** Nothing that works takes longer; and so many times as long as it takes without a fault. */
const PATIENCE = 2000;
const TIMES = 100;

const GRACE = 2000;
const AGAIN = 2;

let counter = 0;
const newId = (): string => {
  counter += 1;
  return PREFIX + counter.toString();
};

/** One command, with the container that it needs. */
export class Trial {
  private id = '';
  private baseline: string[] = [];
  private patience = PATIENCE;
  /** Number of the last call of each process. */
  private readonly last = new Map<Part, number>();

  constructor(
    private readonly stage: Stage,
    private readonly subject: Subject,
  ) {}

  /**
   * Runs it without a fault under the injector: names of the calls of one of its processes. The first
   * run makes what later ones find (the directory of states), so that another one has to agree.
   */
  count(part: Part): string[] {
    let names = this.countOnce(part);
    for (let again = 0; again < AGAIN; again++) {
      const before = names;
      names = this.countOnce(part);
      if (names.join() === before.join()) break;
    }
    this.last.set(part, names.length);
    return names;
  }

  private countOnce(part: Part): string[] {
    this.setUp();
    const start = Date.now();
    const ended = this.inject(part, { mode: 'count' }, 60_000);
    this.patience = Math.max(this.patience, TIMES * (Date.now() - start));
    const wrong = this.subject.judge(this.stage, this.id, ended, false);
    wrong.push(...this.tearDown());
    if (wrong.length > 0 || ended.names.length === 0) {
      const texts = wrong.map(({ text }) => text).join('\n');
      throw new Error(`${this.subject.name} without a fault: ${texts} ${ended.stderr}`);
    }
    return ended.names;
  }

  /** Makes one fault: what is wrong after it; undefined when the process never came to the call. */
  try(fault: Fault): Finding[] | undefined {
    let found = this.once(fault, this.patience);
    // The order of two processes is not always the same: then the call has another number.
    for (let again = 0; found === undefined && again < AGAIN; again++) {
      found = this.once(fault, this.patience);
    }
    // A machine that is busy with other work is slow: a hang is one when it is there again.
    if (found?.some(({ kind }) => kind === 'hang') !== true) return found;
    return this.once(fault, 3 * this.patience);
  }

  end(): void {
    if (this.id !== '') this.delete();
  }

  private once(fault: Fault, patience: number): Finding[] | undefined {
    this.setUp();
    const ended = this.inject(fault.part, fault, patience);
    const found = ended.injected === undefined ? [] : this.judge(fault, ended);
    found.push(...this.tearDown());
    return ended.injected === undefined ? undefined : found.map((one) => ({ ...fault, ...one }));
  }

  private judge(fault: Fault, ended: Faulted): Judgement[] {
    const { part, mode, errno = '' } = fault;
    const killed = mode === 'kill' && part === 'runtime';
    const found: Judgement[] = [];
    if (ended.where.length > 0) {
      found.push({ kind: 'hang', text: ended.where.join('; ') });
    } else if (ended.signal !== undefined) {
      const text = `signal ${ended.signal.toString()}: ${ended.stderr.trim()}`;
      if (!killed || ended.signal !== 9) found.push({ kind: 'crash', text });
    } else if (!this.isBehindCreate(fault, ended)) {
      found.push(...this.subject.judge(this.stage, this.id, ended, killed));
      if (mode === 'fail' && ended.stderr.startsWith('tsrun: ') && found.length === 0) {
        const failed = ended.status !== 0 && ended.status !== STATUS && !this.isRefused(ended);
        if (failed && !ended.stderr.toLowerCase().includes(TEXTS[errno] ?? errno)) {
          found.push({ kind: 'reason', text: ended.stderr.trim() });
        }
      }
      if (mode === 'fail' || part !== 'runtime') found.push(...this.keptByFailure(ended));
    }
    found.push(...judgeAnswers(this.stage, this.id, killed));
    return found;
  }

  /** A created process ended in its read(2) at the gate, its last call, after create had returned. */
  private isBehindCreate({ part, mode, name }: Fault, { status, calls }: Faulted): boolean {
    if (part === 'runtime' || !this.subject.name.startsWith('create')) return false;
    if (name !== 'read' || status !== 0) return false;
    return mode === 'kill' || calls >= (this.last.get(part) ?? 0);
  }

  /** What it says without a fault too. */
  private isRefused({ stderr }: Faulted): boolean {
    return this.subject.name === 'delete-running' && stderr.includes('is not stopped: running');
  }

  /** A create or run that says that it failed has left nothing, or says what. */
  private keptByFailure(ended: Faulted): Judgement[] {
    const { name, fresh } = this.subject;
    if (!fresh || !/^(create|run)/.test(name) || ended.status === 0) return [];
    const gone = eventually(() => this.isClean(), 100);
    const rest = this.difference();
    if (gone || rest.some((line) => ended.stderr.includes(line.split('/').at(-1) ?? line)))
      return [];
    return [{ kind: 'left', text: `without a word: ${rest.join('; ')}` }];
  }

  private inject(
    part: Part,
    fault: (Pick<Fault, 'mode'> & Partial<Fault>) | { mode: 'count' },
    timeout: number,
  ): Faulted {
    const target: Target =
      part === 'waiting' ? (this.subject.waiting?.(this.stage, this.id) ?? 0) : part;
    const injection = {
      target,
      mode: fault.mode,
      timeout,
      ...('call' in fault ? { call: fault.call, name: fault.name } : {}),
      ...('errno' in fault ? { errno: fault.errno } : {}),
    };
    return this.stage.inject(injection, ...this.subject.args(this.stage, this.id));
  }

  private setUp(): void {
    if (this.id !== '') return;
    this.id = newId();
    if (this.subject.fresh) this.baseline = this.stage.left();
    this.subject.prepare(this.stage, this.id);
    if (!this.subject.fresh) this.baseline = this.stage.left();
  }

  private difference(): string[] {
    const now = this.stage.left();
    return [
      ...now.filter((line) => !this.baseline.includes(line)),
      ...this.baseline.filter((line) => !now.includes(line)).map((line) => `no ${line}`),
    ];
  }

  private isClean(): boolean {
    return this.difference().length === 0;
  }

  private tearDown(): Judgement[] {
    const found = this.subject.fresh ? this.delete() : [];
    if (eventually(() => this.isClean(), GRACE)) {
      if (this.subject.fresh) this.id = '';
      return found;
    }
    const text = this.difference().join('; ');
    found.push({ kind: 'left', text: `after delete --force: ${text}`.slice(0, 400) });
    if (!this.subject.fresh) this.delete();
    this.stage.sweep();
    this.id = '';
    return found;
  }

  private delete(): Judgement[] {
    const found: Judgement[] = [];
    for (const end of ['', '-paused', '-created']) {
      if (end !== '' && this.subject.name !== 'list') continue;
      const { status, stderr } = this.stage.tsrun('delete', '--force', this.id + end);
      if (status === 0) continue;
      const kind: Kind = wordless(stderr).length > 0 ? 'wordless' : 'left';
      found.push({ kind, text: `delete --force: ${stderr.trim()}` });
    }
    if (!this.subject.fresh) this.id = '';
    return found;
  }
}

/** All faults of one process of a command. */
export function faultsOf(command: string, part: Part, names: readonly string[]): Fault[] {
  return names.flatMap((name, index): Fault[] => {
    const call = index + 1;
    // What the runtime asks prctl(2) is which capabilities the kernel knows.
    const never = part === 'runtime' && name === 'prctl';
    const errno = never ? undefined : errnoFor(name, call);
    const kill: Fault = { command, part, mode: 'kill', call, name };
    return errno === undefined ? [kill] : [{ ...kill, mode: 'fail', errno }, kill];
  });
}

export function textOf({ command, part, mode, call, name, errno = '' }: Fault): string {
  return [command, part, mode, call.toString(), name, errno].join(' ').trim();
}

export function countIn(counts: Counts, found: readonly Finding[] | undefined): void {
  if (found === undefined) return;
  counts.faults += 1;
  if (found.length > 0) counts.bad += 1;
  for (const kind of new Set(found.map((finding) => finding.kind))) counts.kinds[kind] += 1;
}
