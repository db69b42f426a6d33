/** What is read back: state.json whole, torn and damaged, and /proc/PID/stat. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type { Native } from '../../src/native/types.js';
import type * as ProcStat from '../../src/state/proc-stat.js';
import type * as Salvage from '../../src/state/salvage.js';
import type * as StateFile from '../../src/state/state-file.js';
import { fuzz } from './support/property.js';
import { damaged, ofParts } from './support/texts.js';

interface Modules {
  file: typeof StateFile;
  salvage: typeof Salvage;
  stat: typeof ProcStat;
}

const first = fc.record({
  notedCgroup: fc.constantFrom('/sys/fs/cgroup/a', 'relative', '/b'),
});
const text = fc.string({ unit: 'binary', maxLength: 6 });
const second = fc.record(
  {
    id: text,
    pid: fc.integer({ min: -1, max: 9 }),
    startTime: fc.nat(99),
    annotations: fc.dictionary(text, text, { maxKeys: 3 }),
    cgroup: fc.record({
      path: fc.constantFrom('/a', 'a'),
      inode: fc.constantFrom<unknown>('7', 7),
    }),
    scope: fc.record({
      unit: fc.constantFrom('x.scope', ''),
      bus: fc.constantFrom('unix:path=/x', ''),
      mark: fc.constant('m'),
    }),
    big: fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n }),
  },
  { requiredKeys: [] },
);
const later = fc.record({ later: fc.record({ env: fc.array(text, { maxLength: 2 }) }) });

const stat = damaged(
  fc
    .tuple(
      ofParts([')', '(', 'sh', ' ', ') R 1', '\\n'], 5),
      fc.constantFrom('R', 'Z', 'X', 'x', ''),
      fc.nat(),
    )
    .map(([comm, state, start]) => `7 (${comm}) ${state} ${'1 '.repeat(18)}${start} 4 5\n`),
  [' ', ')', '-', 'x'],
);

fuzz({
  name: 'state',
  modules: {
    file: 'src/state/state-file.ts',
    salvage: 'src/state/salvage.ts',
    stat: 'src/state/proc-stat.ts',
  },
  covers: ['src/state/state-file.ts', 'src/state/salvage.ts', 'src/state/proc-stat.ts'],
  plant: {
    file: 'src/state/state-file.ts',
    from: 'const to = newline < 0 ? text.length : newline;',
    to: 'const to = newline < 0 ? text.length - 1 : newline;',
  },
  runs: 1500,
  property: ({ file, salvage, stat: proc }: Modules) => {
    /** A file in memory. */
    const write = (lines: readonly object[]): string => {
      let written = '';
      const native = {
        open: () => 3,
        write: (_: number, more: string) => {
          written += more;
          return more.length;
        },
      } as unknown as Native;
      const fd = file.makeStateFile(native, '/state.json');
      for (const line of lines) assert.equal(file.appendLines(native, fd, [line]), 0);
      return written;
    };
    const reading = (answer: string | number): Native =>
      ({ readText: () => answer }) as unknown as Native;

    const checkLines = (
      whole: string,
      lines: readonly Record<string, unknown>[],
      cut: number,
    ): void => {
      // JSON has no other numbers than this reader's.
      const plain = (value: unknown): Record<string, unknown> =>
        JSON.parse(
          JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one)),
        ) as Record<string, unknown>;
      const together = (some: readonly object[]): unknown => {
        const before = some.filter((one) => !('later' in one));
        return before.length === 0 ? undefined : plain(Object.assign({}, ...before));
      };
      assert.deepEqual(file.fieldsOf(whole), together(lines));
      // A reader that comes too early, or after a crash: whole lines, and nothing of a torn one.
      const torn = whole.slice(0, Math.floor(cut * whole.length));
      const complete = torn.split('\n').length - 1;
      // A line that only lacks its newline says all there is.
      const lacks = whole[torn.length] === '\n' ? 1 : 0;
      assert.deepEqual(file.fieldsOf(torn), together(lines.slice(0, complete + lacks)));
      const last = lines.at(-1);
      const line = file.laterLine(whole);
      const expected = last !== undefined && 'later' in last ? plain(last) : undefined;
      assert.deepEqual(line === undefined ? undefined : JSON.parse(line), expected);
      if (complete < lines.length) assert.equal(file.laterLine(torn), undefined);
    };

    const checkSalvage = (of: string): void => {
      const found = salvage.salvage(reading(of), '/run', 'c');
      assert.equal(found.written, of.trim() !== '');
      assert(found.processes.every(({ pid, startTime }) => pid > 0 && startTime >= 0));
      assert(found.cgroup === undefined || found.cgroup.path.startsWith('/'));
      assert(found.scope === undefined || found.scope.unit !== '');
      assert(found.notedCgroup === undefined || found.notedCgroup.startsWith('/'));
      file.fieldsOf(of);
      file.laterLine(of);
      const nothing = salvage.salvage(reading(-2), '/run', 'c');
      assert.deepEqual(nothing.processes, []);
    };

    const checkStat = (of: string): void => {
      const found = proc.parseProcessStat(of);
      const alive = proc.isAlive(reading(of), 7, found?.startTime ?? 0);
      assert.equal(proc.isAlive(reading(of), 0, 0), false);
      assert.equal(proc.isAlive(reading(-3), 7, 0), false);
      if (found === undefined) {
        assert.equal(alive, false);
        return;
      }
      assert(
        found.state !== '' && !found.state.includes(' ') && Number.isSafeInteger(found.startTime),
      );
      assert.equal(alive, !['Z', 'X', 'x'].includes(found.state));
      assert.equal(proc.isAlive(reading(of), 7, found.startTime + 1), false);
    };

    return fc.property(
      fc.option(first, { nil: undefined }),
      fc.array(second, { maxLength: 3 }),
      fc.option(later, { nil: undefined }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(
        fc.tuple(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.constantFrom('{', '}', '"', '\n', ',', ':'),
        ),
        {
          maxLength: 3,
        },
      ),
      stat,
      (noted, states, last, cut, changes, line) => {
        const lines = [noted, ...states, last].filter((one) => one !== undefined) as Record<
          string,
          unknown
        >[];
        const whole = write(lines);
        checkLines(whole, lines, cut);
        if (noted !== undefined) {
          const path = noted.notedCgroup;
          assert.equal(file.notedCgroupOf(whole), path.startsWith('/') ? path : undefined);
        }
        checkSalvage(whole);
        checkSalvage(
          changes.reduce((now, [at, piece]) => {
            const from = Math.floor(at * now.length);
            return now.slice(0, from) + piece + now.slice(from + 1);
          }, whole),
        );
        checkStat(line);
      },
    );
  },
});
