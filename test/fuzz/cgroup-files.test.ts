/** Files of the kernel's about cgroups and mounts: mountinfo, /proc/PID/cgroup, the files of a cgroup. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Mount from '../../src/cgroups/mount.js';
import type * as Stats from '../../src/cgroups/stats.js';
import type { Native } from '../../src/native/types.js';
import { fuzz } from './support/property.js';
import { damaged, ofParts } from './support/texts.js';

interface Modules {
  mount: typeof Mount;
  stats: typeof Stats;
}

/** A mount point, and how mountinfo writes it. */
const place = fc
  .array(fc.constantFrom('a', '/', ' ', '\t', '\n', '\\', '-', '040'), { maxLength: 5 })
  .map((parts) => `/${parts.join('')}`);
const escaped = (path: string): string =>
  path.replace(/[ \t\n\\]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);

const mountLine = fc
  .record({
    place,
    root: fc.constantFrom('/', '/part'),
    type: fc.constantFrom('cgroup2', 'cgroup', 'tmpfs', 'cgroup22'),
    optional: fc.constantFrom('', 'shared:1 ', 'shared:1 master:2 '),
    options: fc.constantFrom('rw', 'rw,cpu,cpuacct', 'rw,name=systemd', 'rw,nsdelegate'),
  })
  .map((of) => ({
    ...of,
    line: `30 23 0:26 ${of.root} ${escaped(of.place)} rw,nosuid ${of.optional}- ${of.type} x ${of.options}`,
  }));

const NUMBERS = [
  '0',
  '1',
  '4096',
  '9007199254740993',
  '18446744073709551615',
  'max',
  '-1',
  '',
  'x',
  '1.5',
];
const number = fc.constantFrom(...NUMBERS);
const FILES = [
  ...[
    'cpu.stat',
    'memory.current',
    'memory.max',
    'memory.peak',
    'memory.swap.current',
    'memory.stat',
  ],
  ...['memory.swap.max', 'memory.events', 'pids.current', 'pids.max', 'io.stat', 'cpu.pressure'],
  ...[
    'memory.pressure',
    'io.pressure',
    'hugetlb.2MB.current',
    'hugetlb.2MB.max',
    'hugetlb.2MB.events',
  ],
  ...['cgroup.procs', 'cgroup.threads'],
];
const content = damaged(
  fc.oneof(
    number.map((one) => `${one}\n`),
    fc
      .array(fc.tuple(fc.constantFrom('usage_usec', 'max', 'oom', '__proto__', 'anon'), number), {
        maxLength: 4,
      })
      .map((lines) => lines.map((line) => line.join(' ')).join('\n')),
    fc
      .array(fc.tuple(fc.constantFrom('8:0', '253:1', 'x', ''), number, number), { maxLength: 3 })
      .map((lines) =>
        lines
          .map(([device, a, b]) => `${device} rbytes=${a} wbytes=${b} rios=${a} wios=3`)
          .join('\n'),
      ),
    fc.constantFrom(
      'some avg10=0.00 avg60=1.50 avg300=99.99 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
      'some avg10=1 avg60=1 avg300=1 total=18446744073709551615\n',
    ),
    ofParts(['1\n', '22\n', 'x', ' ']),
  ),
  ['\n', ' ', '=', '.', '9'],
);

/** Every number of an answer is one, and exact. */
function checkCounts(value: unknown): void {
  if (typeof value === 'bigint') {
    assert(value > BigInt(Number.MAX_SAFE_INTEGER));
  } else if (typeof value === 'number') {
    assert(value >= 0 && (Number.isSafeInteger(value) || !Number.isInteger(value)));
  } else if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(checkCounts);
  } else {
    assert.fail(`neither a number nor an object: ${String(value)}`);
  }
}

fuzz({
  name: 'cgroup files',
  modules: { mount: 'src/cgroups/mount.ts', stats: 'src/cgroups/stats.ts' },
  covers: ['src/cgroups/mount.ts', 'src/cgroups/stats.ts'],
  plant: {
    file: 'src/cgroups/stats.ts',
    from: 'return Number.isSafeInteger(number) ? number : BigInt(text);',
    to: 'return number <= 2 ** 53 ? number : BigInt(text);',
  },
  runs: 1500,
  property: ({ mount, stats }: Modules) => {
    const CGROUP2 = 0x63677270;

    const checkMounts = (
      lines: readonly {
        line: string;
        type: string;
        root: string;
        place: string;
        options: string;
      }[],
    ): void => {
      const text = lines.map(({ line }) => line).join('\n');
      const whole = lines.filter(({ type, root }) => type === 'cgroup2' && root === '/').at(-1);
      assert.equal(mount.unifiedMountPoint(text), whole?.place);
      const native = (unified: boolean | 'only', answer: string | number): Native =>
        ({
          statfsType: (path: string) =>
            unified === 'only' || (unified && path.endsWith('unified')) ? CGROUP2 : 1,
          readText: () => answer,
          strerror: () => 'reason',
        }) as unknown as Native;
      const found = mount.findUnifiedHierarchy(native(false, text));
      assert.equal(found?.root, whole?.place);
      assert.equal(mount.findUnifiedHierarchy(native(true, text))?.layout, 'hybrid');
      const unreadable = { message: 'cannot read /proc/self/mountinfo: reason' };
      assert.throws(() => mount.findUnifiedHierarchy(native(false, -2)), unreadable);
      const v1 = mount.v1Mounts(native(false, text));
      const cpu = lines
        .filter(({ type, options }) => type === 'cgroup' && options.includes('cpu,'))
        .at(-1);
      assert.equal(v1.get('cpu'), cpu?.place);
      assert.throws(() => mount.v1Mounts(native(false, -2)), unreadable);
      assert.equal(mount.findUnifiedHierarchy(native('only', text))?.layout, 'unified');
      assert.deepEqual(
        mount.parseMountinfo(text),
        lines.map(({ root, place: point, type, options }) => ({
          ...{ id: '30', root, point, type },
          options: options.split(','),
        })),
      );
      // There is one hierarchy: a text that says both of it is none of the kernel's.
      const first = lines.find(({ type }) => type === 'cgroup2')?.options;
      assert.equal(mount.hasNsdelegate(native(false, text)), first === 'rw,nsdelegate');
      assert.throws(() => mount.hasNsdelegate(native(false, -2)));
    };

    const checkEntry = (path: string, before: string): void => {
      const text = `${before}\n0::${path}\n`;
      const native = { readText: () => text } as unknown as Native;
      if (!/^0::/m.test(before)) assert.equal(mount.cgroupOf(native, 7), path.split('\n')[0]);
    };

    return fc.asyncProperty(
      fc.array(mountLine, { maxLength: 5 }),
      damaged(
        fc
          .array(mountLine, { maxLength: 3 })
          .map((some) => some.map(({ line }) => line).join('\n')),
        [' ', '\n', ' - ', '\\'],
      ),
      place,
      fc.constantFrom('', '1:cpu:/x', '12:pids:/a:b'),
      fc.dictionary(fc.constantFrom(...FILES), content, { maxKeys: 12 }),
      async (lines, odd, path, before, files) => {
        checkMounts(lines);
        mount.unifiedMountPoint(odd);
        mount.parseMountinfo(odd);
        checkEntry(path, before);
        const native = {
          readText: (file: string) => files[file.slice('/c/'.length)] ?? -2,
          readdir: () => Object.keys(files),
          ...{ open: () => -2, openat: () => -2, close: () => 0, read: () => -2 },
        } as unknown as Native;
        const found = await stats
          .readStats(native, { path: '/c', inode: '1' } as never)
          .catch((error: unknown) => {
            // There is no process list, and nothing else is an error.
            assert.equal((error as { code?: unknown }).code, 'ERR_CGROUP', String(error));
          });
        if (found !== undefined) {
          const { io, ...rest } = found;
          checkCounts(rest);
          checkCounts(io);
        }
        for (const text of Object.values(files)) {
          checkCounts(stats.ioDevices(text));
          checkCounts(stats.parsePressure(text));
          checkCounts(stats.parseTable(text));
        }
      },
    );
  },
});
