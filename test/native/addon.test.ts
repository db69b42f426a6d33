/** The binding itself: its operations against the plan's types, and its manners. */

import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { EAGAIN, ELOOP, O_PATH } from '../../src/native/constants.js';
import type { Operation, StepBody } from '../../src/plan/steps.js';
import { ended, native, openDescriptors, spawn } from '../support/addon.js';
import { call, int } from '../support/libc.js';

type Fields<O extends Operation> = Exclude<keyof Extract<StepBody, { op: O }>, 'op'>;
/** Every field of every operation, and nothing else: held by the compiler. */
type Table = { [O in Operation]: Record<Fields<O>, 'n' | 's' | 'l' | 'u'> };

const placement = {
  target: 's',
  attrSet: 'n',
  attrClear: 'n',
  recursiveSet: 'n',
  recursiveClear: 'n',
  propagation: 'n',
  idMap: 'n',
  idMapRecursive: 'n',
} as const;

const OPERATIONS: Table = {
  sync: { point: 'n' },
  unshare: { flags: 'n' },
  setns: { fd: 'n', flags: 'n' },
  join: { fd: 'n', flags: 'n', user: 'n', known: 'u' },
  'clear-groups': {},
  fork: { flags: 'n' },
  'open-offsets': {},
  time: { offsets: 's' },
  dumpable: { on: 'n' },
  become: { uid: 'n', gid: 'n', clearGroups: 'n' },
  session: {},
  keyring: { name: 's' },
  loopback: {},
  hostname: { name: 's' },
  domainname: { name: 's' },
  propagation: { flags: 'n' },
  'open-tree': { path: 's', recursive: 'n', slot: 'n' },
  'lock-tree': { slot: 'n' },
  root: { path: 's', slot: 'n', sharing: 'n' },
  mount: { ...placement, type: 's', source: 's', options: 'l', copyUp: 'n', keep: 'n' },
  bind: { ...placement, source: 's', slot: 'n', recursive: 'n', keep: 'n' },
  remount: { ...placement, mount: 'n' },
  'protect-limits': { mount: 'n', delegated: 'l' },
  'root-attributes': { set: 'n', clear: 'n' },
  'root-propagation': { flags: 'n' },
  mkdir: { target: 's', mode: 'n' },
  device: { target: 's', mode: 'n', major: 'n', minor: 'n', uid: 'n', gid: 'n', crosses: 'n' },
  symlink: { target: 's', contents: 's', replace: 'n' },
  mask: { target: 's', label: 's' },
  readonly: { target: 's' },
  proc: { private: 'n' },
  sysctl: { file: 's', value: 's' },
  label: { file: 's', text: 's', expected: 's' },
  console: { columns: 'n', rows: 'n', uid: 'n', mountConsole: 'n', bareNewlines: 'n' },
  pivot: {},
  cover: { path: 's', label: 's' },
  'move-root': {},
  chroot: { path: 's', slot: 'n' },
  'stdio-owner': { uid: 'n' },
  scheduler: {
    policy: 'n',
    flags: 'n',
    nice: 'n',
    priority: 'n',
    runtime: 'n',
    deadline: 'n',
    period: 'n',
  },
  rlimit: { resource: 'n', soft: 'n', hard: 'n' },
  ioprio: { value: 'n' },
  affinity: { cpus: 'u' },
  personality: { persona: 'n' },
  'no-new-privileges': {},
  seccomp: { program: 'n', flags: 'n', listener: 'n' },
  umask: { mask: 'n' },
  credentials: {
    uid: 'n',
    gid: 'n',
    groups: 'u',
    setGroups: 'n',
    bounding: 'n',
    effective: 'n',
    permitted: 'n',
    inheritable: 'n',
    ambient: 'n',
  },
  cwd: { path: 's', late: 'n' },
  'host-cwd': { path: 's' },
  find: { file: 's', directories: 'l' },
  forget: { keep: 'u' },
  gate: { fifo: 'n', report: 'n' },
  hook: {
    path: 's',
    args: 'l',
    env: 'l',
    inRoot: 'n',
    slot: 'n',
    timeout: 'n',
    before: 's',
    after: 's',
  },
  exec: { args: 'l', env: 'l' },
};

test('the native side knows the operations and fields of the plan', () => {
  const known = native
    .operations()
    .map((line) => line.trim().split(/\s+/))
    .map(([name, ...fields]) => [name, fields.sort()]);
  const expected = Object.entries(OPERATIONS).map(([name, fields]) => [
    name,
    Object.entries(fields)
      .map(([field, type]) => `${field}:${type}`)
      .sort(),
  ]);
  expect(known.sort()).toEqual(expected.sort());
});

/** SOCK_SEQPACKET, as a helper has one. */
function socketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  expect(int(call('socketpair', 1, 5 | 0o2000000, 0, pair))).toBe(0);
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

test('the last line of a file, whatever ends it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-lines-'));
  const path = join(directory, 'file');
  const fd = native.open(directory, O_PATH, 0);
  native.mkfifoAt(fd, 'fifo', 0o600);
  symlinkSync('file', join(directory, 'link'));
  const lines = [
    ['', ''],
    ['\n', '\n'],
    ['a', 'a'],
    ['a\n', 'a\n'],
    ['a\n\n', '\n'],
    ['a\nbc', 'bc'],
    [`${'x'.repeat(40_000)}\ny\nüz\n`, 'üz\n'],
    [`y\n${'x'.repeat(40_000)}\n`, `${'x'.repeat(40_000)}\n`],
  ];
  for (const [text = '', line] of lines) {
    writeFileSync(path, text);
    expect(native.readLastLineAt(fd, 'file', 50_000)).toBe(line);
  }
  expect(native.readLastLineAt(fd, 'file', 40_000)).toBe(-27);
  expect(native.readLastLineAt(fd, 'none', 9)).toBe(-2);
  expect(native.readLastLineAt(fd, 'fifo', 9)).toBe(-29);
  // A link is not followed.
  expect(native.readLastLineAt(fd, 'link', 50_000)).toBe(-ELOOP);
  expect(native.readTextAt(fd, 'link', 50_000)).toBe(-ELOOP);
  native.close(fd);
  rmSync(directory, { recursive: true });
});

test('capabilities are those of /proc/self/status', () => {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const mask = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)$`, 'm').exec(status)?.[1] ?? 'none'}`);
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  for (const asked of [0n, 1n << 21n, (1n << 64n) - 1n]) {
    expect(native.capabilities(asked)).toEqual({
      effective: mask('CapEff'),
      bounding: mask('CapBnd') & asked,
      last,
    });
  }
});

test('a plan without steps, or with fewer slots than descriptors, is refused', () => {
  expect(spawn([])).toBe(-22);
  expect(spawn([{ op: 'session' }], { fds: [0] })).toBe(-22);
});

const CLONE_NEWUTS = 0x04000000;

/** The helper makes these namespaces while the rest of the plan is written. */
const EARLY = [
  { op: 'dumpable', on: false },
  { op: 'unshare', flags: CLONE_NEWUTS },
];

test('of a plan that turns out to be none its helper does not stay', () => {
  const left = (): string[] => [
    `${openDescriptors()} descriptors`,
    ...readdirSync('/proc/self/task').map((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, 'utf8'),
    ),
  ];
  // The file of the helper stays open for the next one.
  expect(() => spawn([EARLY[0], EARLY[1], {}])).toThrow('must have an operation');
  const before = left();
  const rest: [unknown, string][] = [
    [{ op: 'nonsense' }, 'unknown operation'],
    [{ op: 'hostname', name: 7 }, 'must be a string'],
  ];
  for (const [step, message] of rest) {
    for (const first of [{ op: 'session' }, EARLY[0]]) {
      expect(() => spawn([first, EARLY[1], step])).toThrow(message);
    }
  }
  expect(left()).toEqual(before);
});

test('a helper whose parent goes away ends', async () => {
  const before = openDescriptors();
  const helper = spawn([{ op: 'sync', point: 1 }]) as { pidfd: number; socket: number };
  native.close(helper.socket);
  expect(await ended(helper.pidfd)).toEqual({ status: 1, signal: 0 });
  native.close(helper.pidfd);
  // The helper's file stays open for the next one.
  expect(openDescriptors()).toBeLessThanOrEqual(before + 3);
});

test('an empty packet is the end of the socket, and its descriptor is not kept', async () => {
  const helper = spawn([{ op: 'sync', point: 1 }]) as { pidfd: number; socket: number };
  native.close(helper.socket);
  await ended(helper.pidfd);
  native.close(helper.pidfd);
  const [ours, theirs] = socketPair();
  const before = openDescriptors();
  expect(native.sendFd(theirs, '', 0)).toBe(0);
  expect(native.receive(ours)).toBe(0);
  expect(openDescriptors()).toBe(before);
  for (const fd of [ours, theirs]) native.close(fd);
});

test('a hook may have a timeout that nanoseconds do not hold', async () => {
  const helper = spawn([
    {
      op: 'hook',
      path: '/bin/true',
      args: ['true'],
      env: [],
      inRoot: false,
      slot: -1,
      timeout: 2n ** 62n,
      before: '',
      after: '',
    },
    { op: 'find', file: '/bin/true', directories: [] },
    { op: 'exec', args: ['true'], env: [] },
  ]) as { pidfd: number; socket: number };
  expect(await ended(helper.pidfd)).toEqual({ status: 0, signal: 0 });
  native.close(helper.pidfd);
  native.close(helper.socket);
});

test('only the preserved descriptors reach the program, in order', async () => {
  const [read, write] = native.pipe() as [number, number];
  const extra = openSync('/etc/hostname', 'r');
  const helper = spawn(
    [
      { op: 'find', file: '/bin/busybox', directories: [] },
      { op: 'exec', args: ['sh', '-c', 'cd /proc/self/fd; echo *; readlink 3'], env: [] },
    ],
    { stdio: [-1, write, -1], preserve: [extra], fds: [extra, read], slots: 5 },
  ) as { pidfd: number; socket: number };
  await ended(helper.pidfd);
  native.close(write);
  const text = Buffer.from(native.read(read, 4096) as Uint8Array).toString();
  // 4 is the shell's own, reading the directory.
  expect(text).toMatch(/^0 1 2 3( 4)?\n\/etc\/hostname\n$/);
  for (const fd of [read, helper.pidfd, helper.socket]) native.close(fd);
  closeSync(extra);
});

test('a wait ends by its timeout, by its event, and not at all when cancelled', async () => {
  const [read, write] = native.pipe() as [number, number];
  const events: [string, number][] = [];
  await new Promise<void>((resolve) => {
    const cancelled = native.wait(read, 1, 5, true, (n) => events.push(['cancelled', n]));
    native.cancelWait(cancelled);
    native.wait(-1, 0, 20, true, (n) => {
      events.push(['timeout', n]);
      native.write(write, 'x');
    });
    native.wait(read, 1, -1, true, (n) => {
      events.push(['readable', n]);
      resolve();
    });
  });
  expect(events).toEqual([
    ['timeout', 0],
    ['readable', 1],
  ]);
  native.close(read);
  native.close(write);
});

test('namespaces that a plan begins with are made once, and before what comes after', async () => {
  const [read, write] = native.pipe() as [number, number];
  const script = 'hostname; readlink /proc/self/ns/uts';
  const run = async (steps: unknown[]): Promise<string> => {
    const helper = spawn(
      [
        ...steps,
        { op: 'hostname', name: 'early' },
        { op: 'find', file: '/bin/busybox', directories: [] },
        { op: 'exec', args: ['sh', '-c', script], env: ['PATH=/bin:/usr/bin'] },
      ],
      { stdio: [-1, write, 2] },
    ) as { pidfd: number; socket: number };
    expect(await ended(helper.pidfd)).toEqual({ status: 0, signal: 0 });
    for (const fd of [helper.pidfd, helper.socket]) native.close(fd);
    return Buffer.from(native.read(read, 4096) as Uint8Array).toString();
  };
  const own = `early\n${readlinkSync('/proc/self/ns/uts')}\n`;
  const name = readFileSync('/proc/sys/kernel/hostname', 'utf8');
  for (const steps of [EARLY, [...EARLY, EARLY[1]]]) {
    const said = await run(steps);
    expect(said).toMatch(/^early\nuts:\[\d+\]\n$/);
    expect(said).not.toBe(own);
  }
  expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).toBe(name);
  for (const fd of [read, write]) native.close(fd);
});

test('namespaces that cannot be made are the failure of their step', async () => {
  const { socket, pidfd } = spawn([
    { op: 'dumpable', on: false },
    { op: 'unshare', flags: 1 },
    { op: 'session' },
  ]) as { pidfd: number; socket: number };
  await ended(pidfd);
  expect(native.receive(socket)).toMatchObject({ type: 'failed', step: 1, value: 22 });
  for (const fd of [socket, pidfd]) native.close(fd);
});

test('a second clone is reported with a pidfd of our own child', async () => {
  const helper = spawn([
    { op: 'fork', flags: 0x20000000 },
    { op: 'find', file: '/bin/busybox', directories: [] },
    { op: 'exec', args: ['sh', '-c', 'exit $$'], env: [] },
  ]) as { pidfd: number; socket: number };
  const message = await new Promise<{ type: string; fd: number }>((resolve) => {
    native.wait(helper.socket, 1, 10_000, true, () => {
      resolve(native.receive(helper.socket) as { type: string; fd: number });
    });
  });
  expect(message.type).toBe('forked');
  // It waits until its parent knows of it.
  expect(native.reap(message.fd)).toBe(-EAGAIN);
  expect(native.proceed(helper.socket)).toBe(0);
  expect(await ended(helper.pidfd)).toEqual({ status: 0, signal: 0 });
  // Pid 1 of its own namespace.
  expect(await ended(message.fd)).toEqual({ status: 1, signal: 0 });
  for (const fd of [message.fd, helper.pidfd, helper.socket]) native.close(fd);
});
