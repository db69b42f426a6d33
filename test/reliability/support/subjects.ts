/** The commands that are run with faults: what each needs, and what must be true after it. */

import { TEXTS } from './errnos.js';
import { STATUS, eventually, isAsleep, sandboxOf } from './stage.js';
import type { Faulted, Form, Stage } from './stage.js';

/** What is wrong after a fault. */
export type Kind =
  /** It does not come back. */
  | 'hang'
  /** It dies by a signal. */
  | 'crash'
  /** Something stays that should not. */
  | 'left'
  /** An answer or a status that is not true. */
  | 'wrong'
  /** It fails and does not say what was being done. */
  | 'wordless'
  /** It fails and names another reason. */
  | 'reason';

export type Part = 'runtime' | 'helper' | 'forked' | 'waiting';

export interface Judgement {
  kind: Kind;
  text: string;
}

export interface Subject {
  name: string;
  /** Which of its processes get faults; `waiting` is the helper at the gate, of an earlier create. */
  parts: readonly Part[];
  /** The container goes after each fault. Others stay, and are as before. */
  fresh: boolean;
  prepare(stage: Stage, id: string): void;
  args(stage: Stage, id: string): string[];
  /** Process of the part `waiting`. */
  waiting?(stage: Stage, id: string): number;
  /** What is wrong with how it ended: `killed` when the runtime itself was killed. */
  judge(stage: Stage, id: string, ended: Faulted, killed: boolean): Judgement[];
}

interface StateJson {
  id: string;
  pid: number;
  status: string;
}

const GRACE = 2000;

const wrong = (text: string): Judgement => ({ kind: 'wrong', text });
const shorten = (text: string): string => text.trim().replaceAll('\n', ' | ').slice(0, 300);

function must(stage: Stage, ...args: string[]): void {
  const { status, stderr } = stage.tsrun(...args);
  if (status !== 0) throw new Error(`${args.join(' ')} without a fault: ${stderr}`);
}

function statusOf(stage: Stage, id: string): string {
  const { status, stdout, stderr } = stage.tsrun('state', id);
  if (status !== 0) return shorten(stderr);
  return (JSON.parse(stdout) as StateJson).status;
}

const createIt = (form: Form) => (stage: Stage, id: string) => {
  const { status, stderr } = stage.create(form, id);
  if (status !== 0) throw new Error(`create without a fault: ${stderr}`);
};
const startIt = (form: Form) => (stage: Stage, id: string) => {
  createIt(form)(stage, id);
  must(stage, 'start', id);
  if (!eventually(() => stage.program().includes('\nran\n'), GRACE)) {
    throw new Error('the program does not run without a fault');
  }
};

/** An error says what was being done, in words of ours. */
export function wordless(stderr: string): Judgement[] {
  // A start without memory is an end in the C library, which has its own words.
  if (stderr.includes('error while loading shared libraries: ')) return [];
  const lines = stderr.split('\n').filter((line) => line.startsWith('tsrun: '));
  const text = lines.at(-1)?.slice('tsrun: '.length) ?? '';
  const bare =
    Object.values(TEXTS).includes(text) || /^(internal error|error|E[A-Z]+)\b/.test(text);
  const foreign = /\[object|undefined|(Type|Range|Internal)Error|\bat .*:\d+/.test(text);
  if (text === '') return [{ kind: 'wordless', text: `says: ${shorten(stderr)}` }];
  return bare || foreign ? [{ kind: 'wordless', text: `says: ${text}` }] : [];
}

const references = new Map<string, string[]>();

/** The program sees the sandbox that it sees without a fault. */
function compareSandbox(name: string, output: string, stderr = ''): Judgement[] {
  // A capability that the kernel does not seem to know is left out, with a warning.
  const isLess = stderr.includes('warning: ');
  const seen = sandboxOf(output).filter((line) => !isLess || !/^Cap/.test(line));
  const reference = references.get(name);
  if (reference === undefined) {
    references.set(name, seen);
    return [];
  }
  const more = seen.filter((line) => !reference.includes(line));
  const less = reference.filter((line) => !seen.includes(line) && !(isLess && /^Cap/.test(line)));
  if (more.length + less.length === 0) return [];
  return [
    wrong(`the sandbox has ${shorten(more.join('; '))} in place of ${shorten(less.join('; '))}`),
  ];
}

const ran = (output: string): boolean => /^ran$/m.test(output);

/** Of `run` and `exec`: the status is that of the program, or it did not run. */
function judgeProgram(name: string, { status, stdout, stderr }: Faulted): Judgement[] {
  if (status === STATUS) {
    return ran(stdout)
      ? compareSandbox(name, stdout, stderr)
      : [wrong('the status of a program that did not run')];
  }
  if (status === 0) return [wrong('status 0 in place of that of the program')];
  const words = wordless(stderr);
  if (ran(stdout))
    words.push(wrong(`status ${String(status)} though the program ran: ${shorten(stderr)}`));
  return words;
}

const create = (name: string, form: Form, parts: readonly Part[]): Subject => ({
  name,
  parts,
  fresh: true,
  prepare: () => undefined,
  args: (stage, id) => ['create', '--bundle', stage.bundle(form, false), id],
  judge: (stage, id, ended) => {
    if (ended.status !== 0) return wordless(ended.stderr);
    const status = statusOf(stage, id);
    if (status !== 'created') return [wrong(`status 0, and then it is: ${status}`)];
    const start = stage.tsrun('start', id);
    if (start.status !== 0) return [wrong(`status 0, and then start: ${shorten(start.stderr)}`)];
    if (!eventually(() => ran(ended.stdout), GRACE)) {
      return [wrong(`status 0, and then the program does not run: ${shorten(ended.stderr)}`)];
    }
    return compareSandbox(name, ended.stdout, ended.stderr);
  },
});

const run = (name: string, form: Form, parts: readonly Part[]): Subject => ({
  name,
  parts,
  fresh: true,
  prepare: () => undefined,
  args: (stage, id) => ['run', '--bundle', stage.bundle(form, true), id],
  judge: (_stage, _id, ended) => judgeProgram(name, ended),
});

const exec = (name: string, form: Form): Subject => ({
  name,
  parts: ['runtime', 'helper', 'forked'],
  fresh: false,
  prepare: startIt(form),
  args: (_stage, id) => ['exec', id, 'sh', '/once'],
  judge: (_stage, _id, ended) => judgeProgram(name, ended),
});

const state = (name: string, status: string, prepare: Subject['prepare']): Subject => ({
  name,
  parts: ['runtime'],
  fresh: false,
  prepare,
  args: (_stage, id) => ['state', id],
  judge: (_stage, _id, ended) => {
    if (ended.status !== 0) return wordless(ended.stderr);
    const told = parse(ended.stdout)?.[0]?.status;
    return told === status ? [] : [wrong(`says: ${told ?? shorten(ended.stdout)}`)];
  },
});

function parse(text: string): StateJson[] | undefined {
  try {
    return [JSON.parse(text) as StateJson | StateJson[]].flat();
  } catch {
    return undefined;
  }
}

const isFrozen = (stage: Stage, id: string): boolean =>
  stage.cgroupFile(id, 'cgroup.freeze') === '1';

const freeze = (name: 'pause' | 'resume'): Subject => ({
  name,
  parts: ['runtime'],
  fresh: false,
  prepare: (stage, id) => {
    startIt('plain')(stage, id);
    if (name === 'resume') must(stage, 'pause', id);
  },
  args: (_stage, id) => [name, id],
  judge: (stage, id, ended) => {
    const frozen = isFrozen(stage, id);
    const found = ended.status === 0 ? [] : wordless(ended.stderr);
    if (ended.status === 0 && frozen !== (name === 'pause'))
      found.push(wrong('status 0, not done'));
    const told = statusOf(stage, id);
    if (told !== (frozen ? 'paused' : 'running'))
      found.push(wrong(`state says afterwards: ${told}`));
    if (frozen === (name === 'pause')) must(stage, name === 'pause' ? 'resume' : 'pause', id);
    return found;
  },
});

const removal = (name: string, options: string[], prepare: Subject['prepare']): Subject => ({
  name,
  parts: ['runtime'],
  fresh: true,
  prepare,
  args: (_stage, id) => ['delete', ...options, id],
  judge: (stage, id, ended) => {
    if (ended.status !== 0) return wordless(ended.stderr);
    const rest = stage.left().filter((line) => line.includes(id));
    return rest.length === 0
      ? []
      : [{ kind: 'left', text: `status 0, and: ${shorten(rest.join('\n'))}` }];
  },
});

export const SUBJECTS: readonly Subject[] = [
  create('create', 'plain', ['runtime', 'helper']),
  create('create-userns', 'userns', ['runtime', 'helper', 'forked']),
  {
    name: 'start',
    parts: ['runtime', 'waiting'],
    fresh: true,
    prepare: createIt('plain'),
    waiting: (stage, id) => {
      const pid = parse(stage.tsrun('state', id).stdout)?.[0]?.pid ?? 0;
      eventually(() => isAsleep(pid), GRACE);
      return pid;
    },
    args: (_stage, id) => ['start', id],
    judge: (stage, _id, ended) => {
      const runs = eventually(() => ran(stage.program()), ended.status === 0 ? GRACE : 50);
      if (ended.status !== 0) {
        const words = wordless(ended.stderr);
        if (runs && !ended.stderr.includes('cannot tell whether the program of'))
          words.push(
            wrong(
              `status ${String(ended.status)} though the program runs: ${shorten(ended.stderr)}`,
            ),
          );
        return words;
      }
      return runs
        ? compareSandbox('create', stage.program())
        : [wrong('status 0, the program does not run')];
    },
  },
  run('run', 'plain', ['runtime', 'helper']),
  run('run-userns', 'userns', ['runtime', 'helper', 'forked']),
  exec('exec', 'plain'),
  exec('exec-userns', 'userns'),
  removal('delete', [], (stage, id) => {
    createIt('plain')(stage, id);
    must(stage, 'kill', id, 'KILL');
    if (!eventually(() => statusOf(stage, id) === 'stopped', GRACE)) throw new Error('not stopped');
  }),
  removal('delete-force', ['--force'], startIt('plain')),
  {
    name: 'delete-running',
    parts: ['runtime'],
    fresh: false,
    prepare: startIt('plain'),
    args: (_stage, id) => ['delete', id],
    judge: (stage, id, ended) => {
      const found: Judgement[] = [];
      if (ended.status === 0) found.push(wrong('status 0 for a container that runs'));
      // All that it writes is its message: when that fails there is nobody to tell.
      else if (ended.injected !== 'write') found.push(...wordless(ended.stderr));
      if (stage.living(id).length === 0) found.push(wrong('killed a container that runs'));
      return found;
    },
  },
  state('state', 'running', startIt('plain')),
  state('state-created', 'created', createIt('plain')),
  state('state-paused', 'paused', (stage, id) => {
    startIt('plain')(stage, id);
    must(stage, 'pause', id);
  }),
  {
    name: 'list',
    parts: ['runtime'],
    fresh: false,
    prepare: (stage, id) => {
      startIt('plain')(stage, id);
      startIt('plain')(stage, `${id}-paused`);
      must(stage, 'pause', `${id}-paused`);
      createIt('plain')(stage, `${id}-created`);
    },
    args: () => ['list', '--format', 'json'],
    judge: (_stage, id, ended) => {
      if (ended.status !== 0) return wordless(ended.stderr);
      const list = parse(ended.stdout);
      if (list === undefined) return [wrong(`lists: ${shorten(ended.stdout)}`)];
      const expected = [
        ['', 'running'],
        ['-paused', 'paused'],
        ['-created', 'created'],
      ];
      return expected.flatMap(([end = '', status = '']) => {
        const found = list.find((container) => container.id === id + end);
        // That nobody could look is an answer of its own.
        if (found?.status === 'unknown') return [];
        return found?.status === status
          ? []
          : [wrong(`a ${status} one is: ${found?.status ?? 'not there'}`)];
      });
    },
  },
  {
    name: 'kill',
    parts: ['runtime'],
    fresh: true,
    prepare: startIt('plain'),
    args: (_stage, id) => ['kill', id, 'KILL'],
    judge: (stage, id, ended) => {
      if (ended.status !== 0) return wordless(ended.stderr);
      return eventually(() => stage.living(id).length === 0, GRACE)
        ? []
        : [wrong('status 0, it lives')];
    },
  },
  freeze('pause'),
  freeze('resume'),
];

/** What `state` and `list` say is true of the container, whatever has happened to it. */
export function judgeAnswers(stage: Stage, id: string, killed: boolean): Judgement[] {
  let last: string | undefined;
  const check = (): boolean => {
    last = untruth(stage, id, killed);
    return last === undefined;
  };
  // What dies with its parent takes a moment.
  return eventually(check, GRACE) ? [] : [wrong(last ?? '')];
}

function untruth(stage: Stage, id: string, killed: boolean): string | undefined {
  const one = stage.tsrun('state', id);
  const all = stage.tsrun('list', '--format', 'json');
  const lives = stage.living(id).length > 0;
  const list = all.status === 0 ? parse(all.stdout) : undefined;
  if (list === undefined) return `list afterwards: ${shorten(all.stdout + all.stderr)}`;
  const listed = list.find((container) => container.id === id)?.status;
  if (one.status !== 0) {
    const interrupted = one.stderr.includes('its create was interrupted');
    if (one.stderr.includes('does not exist')) {
      if (listed !== undefined) return `list afterwards: ${listed}, and state knows none`;
      return lives ? 'state knows no container, and its process lives' : undefined;
    }
    // Who is killed can leave no more than that.
    return killed && interrupted ? undefined : `state afterwards: ${shorten(one.stderr)}`;
  }
  const told = parse(one.stdout)?.[0]?.status ?? shorten(one.stdout);
  if (listed !== told) return `list afterwards: ${listed ?? 'not there'}, state: ${told}`;
  if ((told === 'stopped') !== lives) return undefined;
  return `state afterwards: ${told}, its process ${lives ? 'lives' : 'has ended'}`;
}
