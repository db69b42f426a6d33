/**
 * Requests for Native.spawn() and others with anything in any place, by one
 * seed. Runs on both hosts (test/fuzz/plan-objects.test.ts), so it uses nothing
 * of Node's. What comes of each is an error or a refusal; a request that is
 * good all the same starts a helper, which goes no further than its first step:
 * that one waits for a parent who goes away. So nothing of a plan is ever run.
 */

import type { Native } from '../../../src/native/types.js';

type Loose = Record<string, unknown>;

/** Numbers below 2^32 by a seed (Marsaglia's xorshift). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 2654435761) | 1;
  }

  below(most: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % most;
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const fail = (): never => {
  throw new RangeError('a getter of the test');
};

function cyclic(): unknown {
  const self: Loose & { list?: unknown[] } = {};
  self['self'] = self;
  self.list = [self];
  return self;
}

/** The second host's engine has none. */
function proxied(over: object, handler: ProxyHandler<object>): object {
  return typeof Proxy === 'undefined' ? over : new Proxy(over, handler);
}

function throwing(over: object): unknown {
  return proxied(over, { get: fail, has: fail, ownKeys: fail, getOwnPropertyDescriptor: fail });
}

/** An array whose getter changes it while it is read. */
function changing(values: unknown[], change: (list: unknown[]) => void): unknown[] {
  Object.defineProperty(values, 0, {
    get: () => {
      change(values);
      return values[1];
    },
    enumerable: true,
  });
  return values;
}

/** A view on memory that is gone, where the engine has a way to take it. */
function detached(): unknown {
  const buffer = new ArrayBuffer(64) as ArrayBuffer & { transfer?: () => ArrayBuffer };
  const view = new Uint8Array(buffer);
  buffer.transfer?.();
  return view;
}

const sparse = (length: number): unknown[] => {
  const list: unknown[] = [];
  list.length = length;
  return list;
};

/** What no field is, made anew each time. */
const HOSTILE: readonly ((random: Random) => unknown)[] = [
  () => undefined,
  () => null,
  () => NaN,
  () => Infinity,
  () => -Infinity,
  () => -0,
  () => -1,
  () => 1.5,
  () => 1e300,
  () => 2 ** 31,
  () => 2 ** 53,
  () => -(2 ** 63),
  () => 2n ** 64n - 1n,
  () => -(2n ** 63n),
  () => 1n << 70n,
  () => true,
  () => '',
  () => 'text',
  () => 'a\0b',
  () => '\ud800',
  (random) => 'x'.repeat(random.one([255, 4096, 70_000])),
  () => [],
  () => ({}),
  () => [[]],
  () => ['a', 1, 'b'],
  () => [1, 2, 3],
  () => ['a\0b'],
  () => sparse(3),
  () => sparse(2 ** 32 - 1),
  (random) => new Array<number>(random.one([2, 16_385, 40_000])).fill(-1),
  () => () => 7,
  () => Symbol('s'),
  () => cyclic(),
  () => Object.create(null) as unknown,
  () => throwing({}),
  () => throwing([]),
  () => proxied([1, 2, 3], {}),
  () => proxied({}, { get: () => 7 }),
  () => ({ valueOf: fail, toString: fail, [Symbol.toPrimitive]: fail }),
  () => Object.defineProperty([1, 2, 3], 1, { get: fail }),
  () => changing([0, 1, 2], (list) => (list.length = 1)),
  () => changing(['', 'b', 'c'], (list) => list.push('d', 'e')),
  () => detached(),
  () => new Uint8Array(8),
  () => new BigUint64Array(2),
  () => new ArrayBuffer(8),
  () => new DataView(new ArrayBuffer(8)),
  () => (typeof Date === 'undefined' ? {} : new Date(0)),
  () => new (class extends Array {})(),
  () => Object.freeze([1, -1]),
  () => Object(7) as unknown,
];

const hostile = (random: Random): unknown => random.one(HOSTILE)(random);

/** A value as operations() describes a field. */
function valueOf(random: Random, type: string): unknown {
  switch (type) {
    case 'n':
      return random.one<unknown>([0, 1, -1, true, 7n, 2 ** 40]);
    case 's':
      return random.one(['', '/a', 'tmpfs', 'é']);
    case 'l':
      return random.one([[], ['a'], ['a', 'b=c', '']]);
    default:
      return random.one([[], [0], [1, 2n, -1]]);
  }
}

/** A request that is good, with any operations behind the one that waits. */
function request(random: Random, operations: readonly string[]): Loose {
  const steps: Loose[] = [{ op: 'sync', point: 1 }];
  for (let left = random.below(4); left > 0; left--) {
    const [op = '', ...fields] = random.one(operations).trim().split(' ');
    const step: Loose = { op };
    for (const field of fields) {
      const [name = '', type = ''] = field.split(':');
      step[name] = valueOf(random, type);
    }
    steps.push(step);
  }
  return {
    cloneFlags: random.one([0, 0, 0x20000000]),
    earlyNamespaces: random.one([0, 0, 0x20000]),
    cgroupFd: -1,
    stdio: [-1, -1, -1],
    preserve: [],
    fds: [],
    slots: random.below(3),
    steps,
    trace: random.one([true, false]),
  };
}

function profile(random: Random): Loose {
  return {
    defaultAction: 0x7fff0000,
    architectures: random.one([[], ['x86'], ['none']]),
    rules: [
      { names: ['read', 'no_such'], action: 0x50001, args: [] },
      { names: ['clone'], action: 0x50001, args: random.one([[], [0, 4, 1n, 0]]) },
    ],
  };
}

/** Puts something into one place of what is to be passed; not into what throws at that. */
function spoil(random: Random, target: Loose, keep: unknown): void {
  try {
    put(random, target, keep);
  } catch {
    // A getter of an earlier change, or a property that cannot be changed again.
  }
}

function put(random: Random, target: Loose, keep: unknown): void {
  let parent: Loose = target;
  let name = random.one(Object.keys(parent));
  for (let depth = 0; depth < 4; depth++) {
    const inside = parent[name];
    // The step that waits stays as it is, and where it is.
    if (typeof inside !== 'object' || inside === null || inside === keep) break;
    const names = Object.keys(inside).filter((one) => (inside as Loose)[one] !== keep);
    if (names.length === 0 || random.below(5) === 0) break;
    parent = inside as Loose;
    name = random.one(names);
  }
  if (parent[name] === keep) return;
  const value = hostile(random);
  switch (random.below(5)) {
    case 0:
      Object.defineProperty(parent, name, { get: fail, configurable: true, enumerable: true });
      break;
    case 1:
      Reflect.deleteProperty(parent, name);
      break;
    case 2:
      Object.defineProperty(parent, name, {
        get: () => value,
        configurable: true,
        enumerable: true,
      });
      break;
    default:
      Object.defineProperty(parent, name, {
        value,
        writable: true,
        configurable: true,
        enumerable: true,
      });
  }
}

export interface Counts {
  thrown: number;
  refused: number;
  started: number;
}

const EVENT_IN = 1;

/** @throws Error at the first thing that is not as it should be */
export async function planObjects(native: Native, seed: number, runs: number): Promise<Counts> {
  const random = new Random(seed);
  const operations = native.operations();
  const counts: Counts = { thrown: 0, refused: 0, started: 0 };
  const loose = native as unknown as Record<string, (...args: unknown[]) => unknown>;
  const call = (name: string, ...args: unknown[]): unknown => {
    try {
      return loose[name]?.(...args);
    } catch (error) {
      if (!(error instanceof Error)) throw new Error(`${name} has thrown ${String(error)}`);
      counts.thrown++;
      return undefined;
    }
  };
  const readable = (fd: number): Promise<number> =>
    new Promise((resolve) => {
      native.wait(fd, EVENT_IN, 20_000, true, resolve);
    });

  const finish = async ({ pidfd, socket }: { pidfd: number; socket: number }): Promise<void> => {
    counts.started++;
    await readable(socket);
    const message = native.receive(socket);
    native.close(socket);
    if ((await readable(pidfd)) === 0) throw new Error('a helper does not end');
    const end = native.reap(pidfd);
    native.close(pidfd);
    if (typeof message === 'number' || message.type !== 'sync' || typeof end === 'number') {
      throw new Error(`a helper that does not wait: ${JSON.stringify([message, end])}`);
    }
  };

  const spawn = async (): Promise<void> => {
    const made = request(random, operations);
    const first = (made['steps'] as unknown[])[0];
    for (let left = random.below(3); left > 0; left--) spoil(random, made, first);
    const result = call('spawn', random.below(40) === 0 ? hostile(random) : made);
    if (typeof result === 'number') {
      if (!(result < 0)) throw new Error(`spawn has answered ${result}`);
      counts.refused++;
    } else if (result !== undefined) {
      await finish(result as { pidfd: number; socket: number });
    }
  };

  const others = (): void => {
    const rules = profile(random);
    spoil(random, rules, undefined);
    call('compileSeccomp', rules);
    call('digest', hostile(random));
    call('callBus', -1, 'a.b', '/a', 'a.b', 'C', hostile(random));
    const handle = call('wait', -1, 0, hostile(random), false, hostile(random));
    if (typeof handle === 'number' && handle > 0) native.cancelWait(handle);
    const fd = call('memfd', 'x', hostile(random));
    if (typeof fd === 'number' && fd >= 0) native.close(fd);
  };

  // The helper's own file and the poller's stay open from the first one on.
  await finish(native.spawn(request(random, operations) as never) as never);
  const look = (): string => {
    const fds = native.readdir('/proc/self/fd');
    return JSON.stringify([
      typeof fds === 'number' ? fds : fds.length,
      native.readText('/proc/self/mountinfo', 1 << 24),
      native.readText(`/proc/self/task/${native.getpid()}/children`, 1 << 16),
    ]);
  };
  const before = look();
  for (let run = 0; run < runs; run++) {
    await spawn();
    others();
  }
  const after = look();
  if (after !== before) throw new Error(`something is left:\n${before}\n${after}`);
  return counts;
}
