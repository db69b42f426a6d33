/** What `ps` makes of processes that choose their own names and arguments. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Own from '../../src/cli/proc-table.js';
import { ENOENT } from '../../src/native/constants.js';
import type { Native } from '../../src/native/types.js';
import { fuzz } from './support/property.js';
import { ofParts } from './support/texts.js';

interface Modules {
  own: typeof Own;
}

const chosen = ofParts(
  [
    ...['sh', ' ', '\0', '\x1b[2J', '\x9b', '\x7f', '\r', '\t', '\n', 'é', '(', 'Uid:\t0', 'PPid:'],
    ...['\nUid:\t0\t0', '\nPPid:\t1\n', 'Name:\t', '[', ']'],
  ],
  5,
);

/** The kernel writes the end of a line in a name as `\n`, and a backslash twice. */
const asName = (name: string): string => name.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');

const id = fc.oneof(fc.nat(9), fc.nat(2 ** 32 - 1));
const made = fc.record({
  name: chosen.map((text) => text.slice(0, 15)),
  command: fc.option(fc.oneof(fc.constantFrom('', '\0\0'), chosen), { nil: undefined }),
  ...{ uid: id, parent: id },
  isGone: fc.constantFrom(false, false, false, true),
});

fuzz({
  name: 'process table',
  modules: { own: 'src/cli/proc-table.ts' },
  covers: ['src/cli/proc-table.ts', 'src/cli/columns.ts'],
  plant: {
    file: 'src/cli/proc-table.ts',
    from: "while (end > 0 && given[end - 1] === '\\0') end--;",
    to: "if (end > 0 && given[end - 1] === '\\0') end--;",
  },
  runs: 1500,
  property: ({ own }: Modules) =>
    fc.property(fc.array(made, { maxLength: 3 }), chosen, (processes, garbage) => {
      const pids = processes.map((_, index) => index + 1);
      const native = {
        readText: (path: string) => {
          const [, pid, file] = /^\/proc\/(\d+)\/(\w+)$/.exec(path) ?? [];
          const process = processes[Number(pid) - 1];
          if (process === undefined) return garbage;
          const { name, command, uid, parent, isGone } = process;
          if (isGone) return -ENOENT;
          if (file === 'cmdline') return command ?? -ENOENT;
          const ids = `${uid}\t${uid + 1}\t0\t0`;
          return `Name:\t${asName(name)}\nUmask:\t0022\nPid:\t${pid ?? ''}\nPPid:\t${parent}\nUid:\t${ids}\n`;
        },
      } as unknown as Native;
      const lines = own.ownTable(native, pids).split('\n');
      assert.equal(lines.pop(), '');
      const alive = pids.filter((pid) => processes[pid - 1]?.isGone === false);
      // A line for each, whatever they call themselves, and nothing that a terminal obeys.
      assert.equal(lines.length, alive.length + 1);
      alive.forEach((pid, index) => {
        const line = lines[index + 1] ?? '';
        assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f]/);
        const { uid, parent, name, command } = processes[pid - 1] as (typeof processes)[number];
        const [, ...shown] = /^(\d+) +(\d+) +(\d+) {1,3}(.*)$/s.exec(line) ?? [];
        assert.deepEqual(shown.slice(0, 3), [uid, pid, parent].map(String));
        const hasNone = (command ?? '').replaceAll('\0', '') === '';
        if (hasNone) assert((shown[3] ?? '').includes('['), line);
        else if (/^\w+$/.test(command ?? '')) assert.equal(shown[3]?.trim(), command);
        assert(!hasNone || !/^\w+$/.test(name) || line.endsWith(`[${name}]`));
      });
      // Of a file that is no such file: something, and no exception.
      assert.doesNotMatch(own.ownTable(native, [99]), /[\0-\x09\x0b-\x1f\x7f-\x9f]/);
    }),
});
