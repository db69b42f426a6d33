/** The command line: never an exception, and what is read can be written and read again. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Parse from '../../src/cli/parse.js';
import type * as Table from '../../src/cli/table.js';
import { fuzz } from './support/property.js';

interface Modules {
  cli: typeof Parse;
  table: typeof Table;
}

const VALUES = [
  ...['true', 'false', '1', '0', 'T', 'maybe', '', '-1', '7', '12345678901234567', '1.5', ' 7'],
  ...['json', 'text', 'systemd', 'cgroupfs', 'a=b', '-', '--', '-x', '/path', '__proto__', 'table'],
];

fuzz({
  name: 'command line',
  modules: { cli: 'src/cli/parse.ts', table: 'src/cli/table.ts' },
  covers: ['src/cli/parse.ts', 'src/cli/usage.ts'],
  plant: {
    file: 'src/cli/parse.ts',
    from: 'if (text === undefined) throw missingValue(command, option);',
    to: "text ??= '';",
  },
  runs: 2000,
  property: ({ cli, table }: Modules) => {
    const names = Object.keys(table.commands) as Table.CommandName[];
    const rowOf = (command: Table.CommandName): Table.CommandRow => table.commands[command]();
    const options = (row: Table.CommandRow): string[] =>
      row.options.flatMap(({ name, short }) => [name, ...(short === undefined ? [] : [short])]);
    const all = [...new Set([table.globalRow(), ...names.map(rowOf)].flatMap(options))];
    const option = fc
      .tuple(
        fc.constantFrom('-', '--', '---', ''),
        fc.oneof({ arbitrary: fc.constantFrom(...all), weight: 9 }, fc.constantFrom('no-such', '')),
        fc.oneof(
          { arbitrary: fc.constant(undefined), weight: 4 },
          fc.constantFrom(...VALUES.map((value) => `=${value}`)),
        ),
      )
      .map(([dashes, name, value]) => `${dashes}${name}${value ?? ''}`);
    const word = fc.oneof(
      { arbitrary: option, weight: 5 },
      fc.constantFrom(...VALUES),
      fc.constantFrom(...names, 'toString', 'help'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );

    /** A line that is right, for a command of the table. */
    const right = fc.constantFrom(...names).chain((command) => {
      const row = rowOf(command);
      const some = fc.constantFrom<Table.OptionRow | undefined>(undefined, ...row.options);
      return fc
        .tuple(fc.array(some, { maxLength: 4 }), fc.constantFrom(...VALUES), fc.boolean())
        .map(([chosen, value, joined]) => [
          command,
          ...chosen.flatMap((one) => {
            if (one === undefined) return [];
            if (one.kind === 'bool') return [`--${one.name}`];
            const text =
              one.choices?.[0] ?? (one.kind === 'string' || one.kind === 'list' ? value : '7');
            return joined ? [`--${one.name}=${text}`] : [`-${one.name}`, text];
          }),
          ...row.args.map(() => 'one'),
        ]);
    });
    const line = fc.oneof(
      fc.array(word, { maxLength: 7 }),
      right,
      fc.tuple(right, fc.array(word, { maxLength: 3 })).map(([some, more]) => [...some, ...more]),
      fc.tuple(fc.array(option, { maxLength: 2 }), right).map(([some, more]) => [...some, ...more]),
    );

    return fc.property(line, (words) => {
      const parsed = cli.parse(words);
      if (parsed.kind === 'error') {
        assert(/\(see tsrun (\S+ )?--help\)$/.test(parsed.message), parsed.message);
        // One line, whatever was written on it.
        assert(!/[\n\r]/.test(parsed.message) || words.some((one) => /[\n\r]/.test(one)));
        return;
      }
      if (parsed.kind !== 'command') return;
      const row = rowOf(parsed.command);
      assert(words.includes(parsed.command));
      assert(row.args.every(({ required }, at) => !required || parsed.args[at] !== undefined));
      // Every word is an option of this command with a value of its kind, or an argument.
      const again: string[] = [parsed.command];
      for (const [name, value] of Object.entries(parsed.options)) {
        const known = cli.findOption(row, name);
        assert(known !== undefined && known.name === name, name);
        for (const one of Array.isArray(value) ? value : [value])
          again.push(`--${name}=${String(one)}`);
        const kinds = {
          bool: 'boolean',
          int: 'number',
          count: 'number',
          string: 'string',
          choice: 'string',
        };
        if (known.kind === 'list' || known.kind === 'ints') assert(Array.isArray(value));
        else assert.equal(typeof value, kinds[known.kind]);
        if (known.choices !== undefined) assert(known.choices.includes(String(value)));
      }
      if (parsed.args.length > 0) again.push('--', ...parsed.args);
      assert.deepEqual(cli.parse(again), { ...parsed, globals: {} });
      // None of the words is lost: what is no value stands in the line itself.
      for (const argument of parsed.args) assert(words.includes(argument));
      const read = words.slice(words.indexOf(parsed.command) + 1);
      const last = read.at(-1);
      if (read.length > 0 && !read.includes('--') && cli.isOption(last!) && !row.verbatim) {
        const { name, value } = cli.splitOption(last!);
        const known = cli.findOption(row, name);
        // An option at the very end has its value with it, or was one itself.
        const before = read.at(-2);
        const taken = before !== undefined && cli.isOption(before);
        assert(taken || known === undefined || known.kind === 'bool' || value !== undefined, last);
      }
    });
  },
});
