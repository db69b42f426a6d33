/** What is read back: state.json whole, torn and damaged, and /proc/PID/stat. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type { Native } from '../../src/native/types.js';
import type { StateRoot } from '../../src/state/root.js';
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

const text = fc.string({ unit: 'binary', maxLength: 6 });
const process = {
  pid: fc.integer({ min: -1, max: 9 }),
  startTime: fc.nat(99),
};
const details = fc.record(
  {
    ...process,
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
const note = fc.record({ notedCgroup: fc.constantFrom('/sys/fs/cgroup/a', 'relative', '/b') });
const line = fc.oneof(
  fc.record({ details }),
  fc.record({ later: fc.record({ env: fc.array(text, { maxLength: 2 }) }) }),
  {
    arbitrary: fc.record({ version: fc.constant('1'), id: text, ...process }),
    weight: 2,
  },
);

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
    from: "line.startsWith(SUMMARY) && line.endsWith('\\n')",
    to: 'line.startsWith(SUMMARY)',
  },
  runs: 1500,
  property: ({ file, salvage, stat: proc }: Modules) => {
    /** A file in memory. */
    const write = (lines: readonly object[]): string => {
      let written = '';
      const native = {
        openat: () => 3,
        write: (_: number, more: string) => {
          written += more;
          return more.length;
        },
      } as unknown as Native;
      const fd = file.makeStateFile(native, 3);
      for (const one of lines) assert.equal(file.appendText(native, fd, file.lineOf(one)), 0);
      return written;
    };
    const reading = (answer: string | number): Native =>
      ({ readText: () => answer, readTextAt: () => answer, close: () => 0 }) as unknown as Native;
    const root = { openContainer: () => 3 } as unknown as StateRoot;

    type Line = Record<string, unknown>;
    // JSON has no other numbers than this reader's.
    const plain = (value: unknown): Line =>
      JSON.parse(
        JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one)),
      ) as Line;

    /** As native.readLastLineAt() gives it. */
    const lastLine = (of: string): string => of.slice(of.lastIndexOf('\n', of.length - 2) + 1);

    /** What whole lines say, if there is a summary among them. */
    const checkWhole = (of: string, lines: readonly Line[]): void => {
      const summary = lines.filter((one) => 'version' in one).at(-1);
      if (summary === undefined) return;
      const more = lines.filter((one) => 'details' in one).at(-1)?.['details'];
      const state = plain({ ...summary, ...(more as object | undefined) });
      assert.deepEqual(file.stateOf(of), state);
      const isLast = of.endsWith('\n') && lines.at(-1) === summary;
      assert.deepEqual(file.summaryOf(lastLine(of)), isLast ? plain(summary) : undefined);
    };

    const checkLines = (whole: string, lines: readonly Line[], cut: number): void => {
      checkWhole(whole, lines);
      // A reader that comes too early, or after a crash: whole lines, and nothing of a torn one.
      const torn = whole.slice(0, Math.floor(cut * whole.length));
      checkWhole(torn, lines.slice(0, torn.split('\n').length - 1));
      const later = lines.find((one) => 'later' in one);
      const found = file.laterLine(whole);
      assert.deepEqual(
        found === undefined ? undefined : JSON.parse(found),
        later === undefined ? undefined : plain(later),
      );
    };

    const checkSalvage = (of: string): void => {
      const found = salvage.salvage(reading(of), root, 'c');
      assert.equal(found.written, of.trim() !== '');
      assert(found.processes.every(({ pid, startTime }) => pid > 0 && startTime >= 0));
      assert(found.cgroup === undefined || found.cgroup.path.startsWith('/'));
      assert(found.scope === undefined || found.scope.unit !== '');
      assert(found.notedCgroup === undefined || found.notedCgroup.startsWith('/'));
      file.stateOf(of);
      file.summaryOf(lastLine(of));
      file.laterLine(of);
      const nothing = salvage.salvage(reading(-2), root, 'c');
      assert.deepEqual(nothing.processes, []);
      const mayLiveIn = (answer: string | number, path: string): boolean =>
        salvage.mayLiveIn(reading(answer), root, 'c', path);
      if (found.cgroup !== undefined) assert(mayLiveIn(of, found.cgroup.path));
      assert(!mayLiveIn(of, '/elsewhere') && !mayLiveIn(-2, '/a') && mayLiveIn(-5, '/a'));
    };

    const checkStat = (of: string): void => {
      const found = proc.parseProcessStat(of);
      const looking = (answer: string | number): Native => ({
        ...reading(answer),
        pidfdOpen: () => -3,
        statfsType: () => 0x9fa0,
        readlink: () => '1',
        getpid: () => 1,
      });
      assert.equal(proc.isAlive(looking(of), 0, 0), false);
      assert.equal(proc.isAlive(looking(-3), 7, 0), false);
      // Neither is an answer.
      assert.throws(() => proc.isAlive(looking(-5), 7, 0));
      // A file of /proc that is not there is one only where the process is not, either.
      const again = (pidfd: number, then: string | number, killed: number): Native => {
        const answers = [-2, then];
        return {
          ...looking(-2),
          readText: () => answers.shift() ?? -5,
          pidfdOpen: () => pidfd,
          pidfdKill: () => killed,
        };
      };
      assert.throws(() => proc.readProcessStat(again(-24, of, 0), 7));
      assert.throws(() => proc.readProcessStat(again(5, -2, 0), 7));
      assert.equal(proc.readProcessStat(again(5, -3, -3), 7), undefined);
      if (found !== undefined) {
        assert.deepEqual(proc.readProcessStat(again(5, of, 0), 7), found);
      }
      if (found === undefined) {
        assert.throws(() => proc.isAlive(looking(of), 7, 0));
        return;
      }
      const alive = proc.isAlive(looking(of), 7, found.startTime);
      assert(
        found.state !== '' && !found.state.includes(' ') && Number.isSafeInteger(found.startTime),
      );
      assert.equal(alive, !['Z', 'X', 'x'].includes(found.state));
      assert.equal(proc.isAlive(looking(of), 7, found.startTime + 1), false);
    };

    return fc.property(
      fc.option(note, { nil: undefined }),
      fc.array(line, { maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(
        fc.tuple(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.constantFrom('{', '}', '"', '\n', ',', ':'),
        ),
        { maxLength: 3 },
      ),
      stat,
      (noted, others, cut, changes, of) => {
        const lines = [noted, ...others].filter((one) => one !== undefined) as Line[];
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
        checkStat(of);
      },
    );
  },
});
