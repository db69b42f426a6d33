/** The manners of the binding. */

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
import { ended, native, openDescriptors, spawn } from '../support/addon.js';
import { call, int } from '../support/libc.js';

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
