/** config.json: any document is valid or refused in our words, with places that are in it. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Accept from '../../spec/generated/accept-config.js';
import type * as Errors from '../../src/errors.js';
import type * as Load from '../../src/spec/load.js';
import type * as Absent from '../../src/spec/absent.js';
import type * as Problems from '../../src/spec/problem.js';
import type * as Validate from '../../src/spec/validate.js';
import { fuzz } from './support/property.js';
import { rounded } from './support/rounded.js';
import { damaged } from './support/texts.js';

interface Modules {
  absent: typeof Absent;
  accept: typeof Accept;
  errors: typeof Errors;
  load: typeof Load;
  validate: typeof Validate;
}

/** Valid, with something in every field that a rule looks at. */
const FULL = {
  ociVersion: '1.3.0',
  process: {
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    user: { uid: 1, gid: 2, additionalGids: [3, 4], umask: 18 },
    args: ['sh', '-c', 'true'],
    env: ['PATH=/bin', 'A='],
    cwd: '/',
    capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    rlimits: [
      { type: 'RLIMIT_NOFILE', soft: 10, hard: 20 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    ],
    scheduler: { policy: 'SCHED_DEADLINE', runtime: 2000, deadline: 3000, period: 4000 },
    execCPUAffinity: { initial: '0-3', final: '1,2' },
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 3 },
    oomScoreAdj: 5,
  },
  root: { path: 'rootfs' },
  hostname: 'box',
  domainname: 'example.org',
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    {
      destination: '/data',
      source: '/data',
      options: ['rbind', 'idmap'],
      uidMappings: [{ containerID: 0, hostID: 5000, size: 10 }],
      gidMappings: [{ containerID: 0, hostID: 5000, size: 10 }],
    },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['ro', 'size=1k'] },
  ],
  hooks: { prestart: [{ path: '/bin/true', timeout: 5 }], poststop: [{ path: '/bin/true' }] },
  annotations: { 'org.example': 'x' },
  linux: {
    namespaces: [
      ...['pid', 'network', 'ipc', 'uts', 'mount', 'user', 'time', 'cgroup'].map((type) => ({
        type,
      })),
    ],
    uidMappings: [
      { containerID: 0, hostID: 1000, size: 10 },
      { containerID: 10, hostID: 2000, size: 10 },
    ],
    gidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
    timeOffsets: { monotonic: { secs: 1, nanosecs: 2 } },
    devices: [
      { path: '/dev/x', type: 'c', major: 1, minor: 3, fileMode: 438, uid: 0, gid: 0 },
      { path: '/dev/y', type: 'p' },
    ],
    netDevices: { eth0: { name: 'eth1' }, eth2: {} },
    sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '7', 'kernel/msgmax': '9' },
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    personality: { domain: 'LINUX', flags: [] },
    intelRdt: { closID: 'group', l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=20' },
    resources: {
      devices: [{ allow: false, access: 'rwm' }],
      cpu: { shares: 10, quota: 1000, burst: 10, period: 1000, cpus: '0-1' },
      memory: { limit: 1000000, swap: 2000000 },
      pids: { limit: 10 },
      hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
      unified: { 'memory.high': '7' },
      network: { classID: 1, priorities: [{ name: 'eth0', priority: 1 }] },
    },
    seccomp: {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      architectures: ['SCMP_ARCH_X86_64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      listenerPath: '/run/l.sock',
      listenerMetadata: 'x',
      syscalls: [
        { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
        { names: ['getcwd'], action: 'SCMP_ACT_NOTIFY' },
        {
          names: ['personality'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 5,
          args: [{ index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
        },
      ],
    },
  },
};

/** Numbers on the edges, names of everything, texts that break what is made of them. */
const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    1.5,
    511,
    65536,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    [],
    {},
    '',
    'x',
    '/',
  ],
  ...[
    '/a',
    'a\0b',
    '../x',
    '/proc',
    'user',
    'mount',
    'net.x',
    'kernel.shmmax',
    'kernel.x',
    'net/../x',
  ],
  ...[
    'SCMP_ACT_NOTIFY',
    'SCMP_ACT_ALLOW',
    'SCMP_ACT_TRACE',
    'RLIMIT_NOFILE',
    'RLIMIT_X',
    '0-3',
    '3-0',
  ],
  ...[
    'SCHED_FIFO',
    'SCHED_OTHER',
    'SCHED_BATCH',
    'A=b',
    '=b',
    'A',
    'rwm',
    'c',
    'b',
    '1.0.0',
    '2.0.0',
  ],
  ...[
    'eth0',
    'x'.repeat(70),
    'é'.repeat(40),
    'idmap',
    'ridmap',
    'bind',
    'cpu.max',
    'LINUX32',
    '\n',
  ],
];
const NAMES = ['path', 'type', 'hostID', 'size', 'extra', '__proto__', 'burst', 'closID'];

/** What rules between fields are about, which chance alone seldom hits. */
const KNOWN: readonly (readonly [parent: string, name: string, value: unknown])[] = [
  ['linux.devices.1', 'path', '/dev/x'],
  ['linux.namespaces.5', 'type', 'ipc'],
  ['linux.namespaces.5', 'path', '/proc/1/ns/user'],
  ['linux.namespaces.3', 'type', 'pid'],
  ['linux.namespaces.6', 'path', '/x'],
  ['linux', 'namespaces', [{ type: 'user' }, { type: 'mount' }]],
  ['linux', 'namespaces', [{ type: 'mount' }]],
  ['linux.sysctl', 'a\n\u0007b', 'x'],
  ['linux.sysctl', 'kernel.hostname', 'x'],
  ['linux.sysctl', 'kernel/domainname', 'x'],
  ['linux.uidMappings.1', 'hostID', 1005],
  ['linux.uidMappings.1', 'containerID', 9],
  ['mounts.1', 'uidMappings', undefined],
  ['mounts.1', 'gidMappings', undefined],
  ['linux.resources.unified', 'a/b', '1'],
  ['linux.resources.cpu', 'burst', 2000],
  ['linux.seccomp', 'defaultAction', 'SCMP_ACT_NOTIFY'],
  ['linux.seccomp', 'listenerPath', undefined],
  ['mounts', '1', { destination: '/data', source: '/data', options: ['bind', 'idmap'] }],
  ['process.user', 'additionalGids', undefined],
  ['process', 'scheduler', { policy: 'SCHED_FIFO', priority: 0, nice: 3 }],
  ['process', 'scheduler', { policy: 'SCHED_OTHER', priority: 5, runtime: 3 }],
  ['process.scheduler', 'deadline', 1],
  ['process.execCPUAffinity', 'initial', '3-0'],
  ['process', 'consoleSize', { height: 70000, width: 1 }],
];

type Change =
  | { kind: 'known'; which: number }
  | { kind: 'set' | 'add'; value: unknown; name: string }
  | { kind: 'remove' | 'double' | 'move' };

const change: fc.Arbitrary<[number, number, Change]> = fc.tuple(
  fc.nat(100000),
  fc.nat(100000),
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('set' as const, 'set' as const, 'add' as const),
      value: fc.oneof({ arbitrary: fc.constantFrom(...VALUES), weight: 9 }, fc.jsonValue()),
      name: fc.constantFrom(...NAMES),
    }),
    fc.record({ kind: fc.constantFrom('remove' as const, 'double' as const, 'move' as const) }),
    {
      arbitrary: fc.record({
        kind: fc.constant('known' as const),
        which: fc.nat(KNOWN.length - 1),
      }),
      weight: 3,
    },
  ),
);

type Parent = Record<string, unknown>;

/** Every place in a document: what holds it, and its name there. */
function placesIn(document: unknown): [Parent, string][] {
  const places: [Parent, string][] = [];
  const walk = (at: unknown): void => {
    if (typeof at !== 'object' || at === null) return;
    for (const name of Object.keys(at)) {
      places.push([at as Parent, name]);
      walk((at as Parent)[name]);
    }
  };
  walk(document);
  return places;
}

function put(parent: Parent, name: string, value: unknown): void {
  Object.defineProperty(parent, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

function changed(changes: readonly [number, number, Change][]): unknown {
  const document = structuredClone<unknown>(FULL);
  for (const [first, second, what] of changes) {
    const places = placesIn(document);
    if (places.length === 0) break;
    const [parent, name] = places[first % places.length]!;
    const [otherParent, otherName] = places[second % places.length]!;
    if (what.kind === 'known') {
      const [path, member, value] = KNOWN[what.which]!;
      let at: unknown = document;
      for (const token of path.split('.')) at = (at as Parent | null | undefined)?.[token];
      if (typeof at === 'object' && at !== null) put(at as Parent, member, structuredClone(value));
    } else if (what.kind === 'set') put(parent, name, structuredClone(what.value));
    else if (what.kind === 'add')
      put(
        parent,
        Array.isArray(parent) ? String(parent.length) : what.name,
        structuredClone(what.value),
      );
    else if (what.kind === 'move') put(parent, name, structuredClone(otherParent[otherName]));
    else if (Array.isArray(parent)) {
      if (what.kind === 'remove') parent.splice(Number(name), 1);
      else parent.push(structuredClone(parent[Number(name)]));
    } else if (what.kind === 'remove') Reflect.deleteProperty(parent, name);
  }
  return document;
}

/** Whether a pointer's parent is there, so that a user finds the place (RFC 6901). */
function leadsSomewhere(document: unknown, pointer: string): boolean {
  if (pointer === '') return true;
  if (!pointer.startsWith('/')) return false;
  let at: unknown = document;
  for (const token of pointer.split('/').slice(1, -1)) {
    if (typeof at !== 'object' || at === null) return false;
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!Object.hasOwn(at, name)) return false;
    at = (at as Parent)[name];
  }
  return typeof at === 'object' && at !== null;
}

/** A number that may have been rounded is read as a bigint from a text, and refused as a value. */
const exact = (value: unknown): boolean =>
  typeof value === 'number'
    ? !Number.isInteger(value) || Number.isSafeInteger(value)
    : typeof value !== 'object' || value === null || Object.values(value).every(exact);

fuzz({
  name: 'config.json',
  modules: {
    absent: 'src/spec/absent.ts',
    accept: 'spec/generated/accept-config.js',
    errors: 'src/errors.ts',
    load: 'src/spec/load.ts',
    validate: 'src/spec/validate.ts',
  },
  covers: [
    ...['absent', 'load', 'validate', 'checks', 'problem', 'cpu-list', 'sysctl'].map(
      (name) => `src/spec/${name}.ts`,
    ),
    ...['devices', 'linux', 'mounts', 'namespaces', 'process', 'seccomp', 'sysctls'].map(
      (name) => `src/spec/checks/${name}.ts`,
    ),
  ],
  plant: {
    file: 'src/spec/checks/namespaces.ts',
    from: 'user.additionalGids?.forEach(',
    to: 'user.additionalGids!.forEach(',
  },
  runs: 1500,
  property: ({ absent, accept, errors, load, validate }: Modules) => {
    type Outcome = { value: unknown } | { problems: readonly Problems.Problem[] | undefined };
    const attempt = (run: () => unknown): Outcome => {
      try {
        return { value: run() };
      } catch (error) {
        assert(
          error instanceof errors.TsrunError,
          `${String(error)}: ${String((error as Error).stack)}`,
        );
        assert.equal(error.code, 'ERR_CONFIG_INVALID');
        assert(error.message.length < 100_000);
        return { problems: error.problems };
      }
    };

    const checkProblems = (document: unknown, outcome: Outcome): void => {
      if (!('problems' in outcome)) return;
      assert(outcome.problems !== undefined && outcome.problems.length > 0);
      for (const { pointer, message } of outcome.problems) {
        assert(leadsSomewhere(document, pointer), pointer);
        assert(message !== '' && !message.includes('undefined'), message);
      }
    };

    const whole = attempt(() => load.requireSpec(structuredClone(FULL)));
    assert('value' in whole, JSON.stringify(whole));

    return fc.property(
      fc.array(change, { maxLength: 4 }),
      damaged(fc.constant(JSON.stringify(FULL)), [
        '"',
        '{',
        '}',
        ',',
        '-',
        '18446744073709551615',
        '\n',
        '[[',
      ]),
      (changes, odd) => {
        const document = changed(changes);
        const text = JSON.stringify(document);
        const outcome = attempt(() => load.parseSpec(text));
        checkProblems(document, outcome);
        if ('value' in outcome) {
          // A null stays where nobody reads it.
          const [read, given] = [outcome.value, JSON.parse(text)].map((value: unknown) =>
            rounded(absent.withoutNulls(value)),
          );
          assert.deepEqual(read, given);
        }
        // The same from the value as from the text, and the value stays as it is.
        const again = attempt(() => load.requireSpec(document));
        assert.equal(JSON.stringify(document), text);
        if (exact(document)) {
          assert.equal('value' in again, 'value' in outcome);
          assert.equal(accept.acceptSpec(document), validate.validateSpec(document).length === 0);
        }
        const parts = document as { process?: unknown; linux?: { resources?: unknown } | null };
        const process = JSON.stringify(parts.process ?? null);
        checkProblems(
          parts.process,
          attempt(() => load.parseProcess(process)),
        );
        const resources = parts.linux?.resources ?? null;
        checkProblems(
          resources,
          attempt(() => load.parseResources(JSON.stringify(resources))),
        );
        // A text that may not be JSON at all.
        attempt(() => load.parseSpec(odd));
      },
    );
  },
});
