import { beforeEach, expect, test } from 'vitest';

import { ioDevices, parsePressure, parseTable, readStats } from '../../../src/cgroups/stats.js';
import { statsData } from '../../../src/cli/event-json.js';
import { stringifyJson } from '../../../src/spec/json.js';
import { FakeCgroupfs } from './fake-cgroupfs.js';

const ROOT = '/sys/fs/cgroup';
const C = `${ROOT}/c`;
let fs: FakeCgroupfs;

beforeEach(() => {
  fs = new FakeCgroupfs(ROOT);
  fs.add(C, 7, 8);
});

function have(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) fs.files.set(`${C}/${name}`, text);
}

test('files of cgroup v2 are read', () => {
  expect(ioDevices('8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 \n')).toEqual([
    { major: 8, minor: 0, readBytes: 1, writtenBytes: 2, reads: 3, writes: 4 },
    { major: 8, minor: 16, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 },
  ]);
  expect(parseTable('a 1\nb 18446744073709551615\nc max\n')).toEqual({
    a: 1,
    b: 18446744073709551615n,
  });
  expect(
    parsePressure(
      'some avg10=1.50 avg60=0.00 avg300=2.25 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    ),
  ).toEqual({
    some: { avg10: 1.5, avg60: 0, avg300: 2.25, total: 7 },
    full: { avg10: 0, avg60: 0, avg300: 0, total: 0 },
  });
});

test('a cgroup without controllers has what every cgroup has', async () => {
  have({ 'cpu.stat': 'usage_usec 30\nuser_usec 10\nsystem_usec 20\n' });
  expect(await readStats(fs.native, { path: C })).toEqual({
    cpu: { usage: 30, user: 10, system: 20, periods: 0, throttledPeriods: 0, throttledTime: 0 },
    pids: { current: 2 },
    io: { devices: [] },
    hugetlb: {},
  });
});

test('the words of runc: nanoseconds, swap with memory, no limit', async () => {
  have({
    'cpu.stat': 'usage_usec 9007199254740991\nnr_throttled 3\nthrottled_usec 5\n',
    'memory.current': '100\n',
    'memory.max': '1000\n',
    'memory.peak': '300\n',
    'memory.swap.current': '7\n',
    'memory.swap.max': '50\n',
    'memory.stat': 'anon 1\nfile 2\n',
    'memory.events': 'low 0\nmax 4\noom_kill 1\n',
    'pids.current': '2\n',
    'pids.max': 'max\n',
    'io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4\n',
  });
  const data = statsData(await readStats(fs.native, { path: C }));
  expect(data).toMatchObject({
    cpu: {
      usage: { total: 9007199254740991000n },
      throttling: { throttledPeriods: 3, throttledTime: 5000n },
    },
    memory: {
      cache: 2,
      usage: { usage: 100, limit: 1000, max: 300, failcnt: 4 },
      swap: { usage: 107n, limit: 1050n },
      raw: { anon: 1, file: 2 },
    },
    pids: { current: 2, limit: 0 },
    blkio: {
      ioServiceBytesRecursive: [
        { major: 8, minor: 0, op: 'Read', value: 1 },
        { major: 8, minor: 0, op: 'Write', value: 2 },
      ],
    },
  });
  have({ 'memory.max': 'max\n' });
  expect(stringifyJson(statsData(await readStats(fs.native, { path: C })))).toContain(
    '"limit":18446744073709551615,',
  );
});
