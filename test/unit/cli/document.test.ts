import { describe, expect, test } from 'vitest';

import { readDocument } from '../../../src/cli/document.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG } from '../../../src/native/constants.js';
import type { Native, Stat } from '../../../src/native/types.js';
import { fakeSystem } from './fake.js';

/** What each poll finds: what has come (an empty text is the end), how long that took. */
interface Event {
  text: string;
  after: number;
}

interface Opened {
  native: Native;
  /** Paths that were opened for more than their type. */
  read: string[];
  open: Set<number>;
}

function system(type: number, events: Event[], terminal = false): Opened {
  let now = 0;
  let next = 3;
  let saved = '';
  const read: string[] = [];
  const open = new Set<number>();
  const { native } = fakeSystem({
    open(path, flags) {
      if (path === '/none') return -2;
      if ((flags & 0o10000000) === 0) read.push(path);
      open.add(next);
      return next++;
    },
    close: (fd) => (open.delete(fd) ? 0 : -9),
    fstat: () => ({ mode: type }) as Stat,
    isTerminal: () => terminal,
    monotonicNs: () => now,
    wait(_fd, wanted, timeout, _keepAlive, callback) {
      const [event] = events;
      const late = event === undefined || (timeout >= 0 && event.after > timeout);
      now += (late ? timeout : event.after) * 1e6;
      if (!late) event.after = 0;
      queueMicrotask(() => callback(late ? 0 : wanted));
      return 1;
    },
    read: () => new TextEncoder().encode(events.shift()!.text),
    memfd(_name, data) {
      saved = new TextDecoder().decode(data as Uint8Array);
      open.add(next);
      return next++;
    },
    readText: (path) => {
      read.push(path);
      return saved === '' ? 'of a file' : saved;
    },
  });
  return { native, read, open };
}

const END = { text: '', after: 0 };

describe.each(['-', '/dev/stdin'])('%s', (name) => {
  test('is standard input', async () => {
    const { native, open } = system(S_IFCHR, [
      { text: '{"ä"', after: 1 },
      { text: '}', after: 1 },
      END,
    ]);
    expect(await readDocument(native, name, 'ERR_BUNDLE')).toEqual({
      text: '{"ä"}',
      name: 'standard input',
    });
    expect(open).toEqual(new Set());
  });

  test('has ten seconds in all', async () => {
    const slow = Array.from({ length: 9 }, () => ({ text: ' ', after: 2000 }));
    await expect(readDocument(system(S_IFIFO, slow).native, name, 'ERR_BUNDLE')).rejects.toThrow(
      'cannot read standard input: its end has not come within 10 seconds',
    );
  });

  test('has any time when it is a terminal', async () => {
    const { native } = system(S_IFCHR, [{ text: '{}', after: 1e6 }, END], true);
    expect((await readDocument(native, name, 'ERR_BUNDLE')).text).toBe('{}');
  });
});

test('a file is looked up once', async () => {
  const { native, read, open } = system(S_IFREG, []);
  expect(await readDocument(native, '/file', 'ERR_USAGE')).toEqual({
    text: 'of a file',
    name: '/file',
  });
  expect(read).toEqual(['/proc/self/fd/3']);
  expect(open).toEqual(new Set());
});

test('a fifo is looked up once, and waited for', async () => {
  const { native, read, open } = system(S_IFIFO, [{ text: '[]', after: 9999 }, END]);
  expect(await readDocument(native, '/dev/fd/63', 'ERR_USAGE')).toEqual({
    text: '[]',
    name: '/dev/fd/63',
  });
  expect(read[0]).toBe('/proc/self/fd/3');
  expect(open).toEqual(new Set());
});

test('a fifo that nobody writes to is an error', async () => {
  const { native, open } = system(S_IFIFO, []);
  await expect(readDocument(native, '/fifo', 'ERR_USAGE')).rejects.toMatchObject({
    code: 'ERR_USAGE',
    message: 'cannot read /fifo: its end has not come within 10 seconds',
  });
  expect(open).toEqual(new Set());
});

test('16 MiB are the most', async () => {
  const piece = { text: ' '.repeat(1 << 20), after: 0 };
  const most = Array.from({ length: 16 }, () => ({ ...piece }));
  const { native } = system(S_IFIFO, [...most.map((event) => ({ ...event })), { ...END }]);
  expect((await readDocument(native, '-', 'ERR_USAGE')).text).toHaveLength(16 << 20);
  await expect(
    readDocument(system(S_IFIFO, [...most, { text: ' ', after: 0 }]).native, '-', 'ERR_USAGE'),
  ).rejects.toThrow('cannot read standard input: it is larger than 16 MiB');
});

test.each([
  ['a directory', S_IFDIR, 'is a directory'],
  ['a device', S_IFCHR, 'it is neither a regular file nor a fifo'],
  ['a disk', S_IFBLK, 'it is neither a regular file nor a fifo'],
])('%s is refused, and not opened', async (_, type, reason) => {
  const { native, read, open } = system(type, []);
  Object.assign(native, { strerror: () => 'is a directory' });
  await expect(readDocument(native, '/x', 'ERR_BUNDLE')).rejects.toMatchObject({
    code: 'ERR_BUNDLE',
    message: `cannot read /x: ${reason}`,
  });
  expect(read).toEqual([]);
  expect(open).toEqual(new Set());
});
