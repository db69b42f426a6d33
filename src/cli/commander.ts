/**
 * The command line for commander, built from the same table, and its answer in
 * the form that parse.ts gives. The Node host uses it.
 *
 * commander reads GNU style, callers write Go's (parse.ts says what that is),
 * so the words are spelled its way first. Its own texts are never seen: the
 * methods by which it reports an error are replaced with usage.ts's.
 */

import { Command, Option } from 'commander';
import { findOption, helpOf, isCommand, isOption, splitOption } from './parse.js';
import type { CommandName, CommandRow, OptionRow, OptionValue } from './table.js';
import { commands, globalRow } from './table.js';
import type { OptionValues, Parsed } from './usage.js';
import {
  UsageError,
  excessArgument,
  missingArgument,
  missingValue,
  optionValue,
  unknownCommand,
  unknownOption,
} from './usage.js';

/** Thrown as soon as --help or --version is read. */
class Asked extends Error {
  constructor(
    readonly what: 'help' | 'version',
    readonly command: CommandName | undefined,
  ) {
    super(what);
  }
}

class TableOption extends Option {
  constructor(readonly row: OptionRow) {
    const short = row.short === undefined ? '' : `-${row.short}, `;
    super(`${short}--${row.name} ${row.kind === 'bool' ? '[value]' : '<value>'}`);
    // --no-pivot is a name, not the denial of --pivot.
    this.negate = false;
  }

  override name(): string {
    return this.row.name;
  }

  override attributeName(): string {
    return this.row.name;
  }
}

class TableCommand extends Command {
  constructor(
    readonly row: CommandRow,
    readonly word: CommandName | '',
  ) {
    super(word);
    this.helpOption(false).helpCommand(false).allowExcessArguments(false).exitOverride();
    for (const option of row.options) this.addTableOption(option);
    for (const argument of row.args) {
      const name = argument.many ? `${argument.name}...` : argument.name;
      this.argument(argument.required ? `<${name}>` : `[${name}]`);
    }
    if (row.verbatim) this.passThroughOptions();
  }

  private addTableOption(row: OptionRow): void {
    const option = new TableOption(row);
    option.argParser((text: string, previous: OptionValue | undefined) => {
      const value = optionValue(this.word, row, text, previous);
      if ((row.name === 'help' || row.name === 'version') && value === true) {
        throw new Asked(row.name, this.word === '' ? undefined : this.word);
      }
      return value;
    });
    this.addOption(option);
  }

  /** Options that were given. */
  given(): OptionValues {
    return this.opts<OptionValues>();
  }

  // commander calls the methods below by name when a line is wrong.

  unknownOption(flag: string): never {
    throw unknownOption(this.word, flag);
  }

  optionMissingArgument(option: TableOption): never {
    throw missingValue(this.word, option.row);
  }

  missingArgument(name: string): never {
    throw missingArgument(this.word, name);
  }

  _excessArguments(args: string[]): never {
    throw excessArgument(this.word, args[this.row.args.length] ?? '');
  }
}

/**
 * Spells the options of `words` as commander reads them. Nothing behind an
 * unknown option matters, so it is left out.
 *
 * @param firstOnly stop at the first argument: `rest` is from there on
 */
function spell(
  row: CommandRow,
  words: readonly string[],
  firstOnly: boolean,
): { front: string[]; rest: readonly string[]; dashes: boolean } {
  const front: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return { front, rest: words.slice(i + 1), dashes: true };
    if (!isOption(word)) {
      if (firstOnly || row.verbatim) return { front, rest: words.slice(i), dashes: false };
      front.push(word);
      continue;
    }
    const { name, value } = splitOption(word);
    const option = findOption(row, name);
    if (option === undefined) {
      // As a long option, or commander takes -9 for a number and -xy for two letters.
      front.push(`--${word.replace(/^--?/, '')}`);
      return { front, rest: [], dashes: false };
    }
    if (value !== undefined) {
      front.push(`--${option.name}=${value}`);
    } else if (option.kind === 'bool') {
      front.push(`--${option.name}=true`);
    } else {
      front.push(`--${option.name}`);
      const next = words[++i];
      if (next !== undefined) front.push(next);
    }
  }
  return { front, rest: [], dashes: false };
}

/** A whole line for commander: options, command, the command's options, arguments. */
function spellLine(words: readonly string[]): string[] {
  const before = spell(globalRow(), words, true);
  const [name, ...others] = before.rest;
  if (name === undefined) return before.front;
  if (!isCommand(name)) return [...before.front, '--', ...before.rest];
  const behind = spell(commands[name](), others, false);
  const dashes = behind.dashes ? ['--'] : [];
  return [...before.front, name, ...behind.front, ...dashes, ...behind.rest];
}

/** The same as parse() of parse.ts, by commander. */
export function parseWithCommander(words: readonly string[]): Parsed {
  let parsed: Parsed | undefined;
  const program = new TableCommand(
    { ...globalRow(), args: [{ name: 'command', many: true }] },
    '',
  ).enablePositionalOptions();

  program.action((rest: string[]) => {
    const [name] = rest;
    if (name !== undefined) throw unknownCommand(name);
    parsed = { kind: 'help', globals: program.given() };
  });
  for (const name of Object.keys(commands)) {
    if (!isCommand(name)) continue;
    const command = new TableCommand(commands[name](), name);
    command.action(() => {
      const globals = program.given();
      parsed =
        name === 'help'
          ? helpOf(globals, command.args[0])
          : {
              kind: 'command',
              globals,
              command: name,
              options: command.given(),
              args: command.args,
            };
    });
    program.addCommand(command);
  }

  try {
    program.parse(spellLine(words), { from: 'user' });
  } catch (error) {
    const globals = program.given();
    if (error instanceof UsageError) return { kind: 'error', globals, message: error.message };
    if (!(error instanceof Asked)) throw error;
    if (error.what === 'version')
      return { kind: 'version', globals: { ...globals, version: true } };
    if (error.command === undefined) return { kind: 'help', globals: { ...globals, help: true } };
    return { kind: 'help', globals, command: error.command };
  }
  if (parsed === undefined) throw new Error('commander called no action');
  return parsed;
}
