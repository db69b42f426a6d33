import { expect, test } from 'vitest';
import { columns } from '../../../src/cli/columns.js';
import { listTable } from '../../../src/cli/list-table.js';
import { ownTable } from '../../../src/cli/proc-table.js';
import { ProcessLines } from '../../../src/cli/process-table.js';
import { fakeSystem } from './fake.js';

test('columns are as wide as their widest cell, and 12 at least', () => {
  expect(
    columns([
      ['ID', 'PID', 'END'],
      ['a-rather-long-id', '1', 'x'],
    ]),
  ).toBe('ID                 PID         END\na-rather-long-id   1           x\n');
});

test('the table of no containers is its header', () => {
  expect(listTable([])).toBe('ID          PID         STATUS      BUNDLE      CREATED     OWNER\n');
});

test('the table of containers', () => {
  const view = {
    ociVersion: '1.3.0',
    id: 'c1',
    pid: 42,
    status: 'running',
    bundle: '/var/lib/bundle',
    rootfs: '/var/lib/bundle/rootfs',
    created: '2026-01-02T03:04:05.678Z',
    annotations: {},
    owner: 'root',
  } as const;
  expect(listTable([view]).split('\n')[1]).toBe(
    'c1          42          running     /var/lib/bundle   2026-01-02T03:04:05.678Z   root',
  );
});

test('a cell is no command to the terminal', () => {
  expect(columns([['\u001b[2J\r\n', '\u009bx', 'z\u202e']])).toBe('?[2J??      ?x          z?\n');
});

const PS = [
  'UID          PID    PPID CMD',
  'root           1       0 /sbin/init 42',
  'root          42       1 sleep 1000',
  'root         420       1 sleep 42',
  '',
].join('\n');

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (lines: Uint8Array[]): string =>
  lines.map((line) => new TextDecoder().decode(line)).join('');

test.each([1, 7, 1000])(
  'of the output of ps, %d bytes at a time, the container is left',
  (size) => {
    const kept = (pids: readonly number[]): string => {
      const lines = new ProcessLines(pids);
      const parts = PS.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      return textOf([...parts.flatMap((part) => lines.take(bytes(part))), ...lines.end()]);
    };
    expect(kept([42])).toBe('UID          PID    PPID CMD\nroot          42       1 sleep 1000\n');
    expect(kept([])).toBe('UID          PID    PPID CMD\n');
  },
);

test('of the output of ps the last line needs no end, and others may be of any number', () => {
  const lines = new ProcessLines([3]);
  expect(textOf(lines.take(bytes('USER PID\n')))).toBe('USER PID\n');
  const other = bytes(`${'x'.repeat(1 << 16)} 4\n`);
  for (let i = 0; i < 40; i++) expect(lines.take(other)).toEqual([]);
  // A name may have any byte, those of a space without a break too.
  expect(lines.take(bytes('à 3'))).toEqual([]);
  expect(textOf(lines.end())).toBe('à 3\n');
});

test('output of ps without a column for the pid, or without an end of its line, is refused', () => {
  expect(() => new ProcessLines([1]).take(bytes('NO SUCH\n'))).toThrow('column PID');
  expect(() => new ProcessLines([1]).end()).toThrow('column PID');
  const lines = new ProcessLines([1]);
  lines.take(bytes('PID\n'));
  expect(() => {
    for (let i = 0; i < 40; i++) lines.take(bytes('x'.repeat(1 << 16)));
  }).toThrow('cannot take the output of ps: a line of more than 1048576 bytes');
});

test('without a ps program the table is made from /proc', () => {
  const files: Record<string, string> = {
    '/proc/7/status': 'Name:\tsh\nPPid:\t1\nUid:\t5\t6\t7\t8\n',
    '/proc/7/cmdline': 'sh\0-c\0echo \u001b[31m\0',
    '/proc/8/status': 'Name:\tgone\nPPid:\t7\nUid:\t0\t0\t0\t0\n',
    '/proc/8/cmdline': '',
  };
  const { native } = fakeSystem({ readText: (path) => files[path] ?? -2 });
  expect(ownTable(native, [7, 8, 9])).toBe(
    [
      'UID         PID         PPID        CMD',
      '5           7           1           sh -c echo ?[31m',
      '0           8           7           [gone]',
      '',
    ].join('\n'),
  );
});

test('what a process says of itself is taken for nothing else', () => {
  const files: Record<string, string> = {
    '/proc/7/status': 'Name:\t\u001b[2J\rUid: 0\u2028\nUid:\t5\t5\nPPid:\t1\n',
    '/proc/7/cmdline': '\0\0',
    '/proc/8/status': 'Name:\tsh\nUid:\t5\t5\nPPid:\t1\n',
    // Trimmed in no more time than it takes to read.
    '/proc/8/cmdline': `${'\0'.repeat(2_000_000)}x`,
  };
  const { native } = fakeSystem({ readText: (path) => files[path] ?? -2 });
  expect(ownTable(native, [7]).split('\n')[1]).toBe(
    '5           7           1           [?[2J?Uid: 0?]',
  );
  expect(ownTable(native, [8]).split('\n')[1]?.endsWith(' x')).toBe(true);
});
