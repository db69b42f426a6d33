/**
 * The parser of the command line, by the table.
 *
 * Options are written as Go programs take them, which is what callers do:
 * `-name` and `--name` are the same, a value follows or is joined with `=`, a
 * boolean takes a value only with `=`, letters are not combined. `--` ends the
 * options. A line is read from left to right, and the first thing that is
 * wrong is the error.
 */

import type { CommandName, CommandRow, GlobalOptions, OptionRow } from './table.js';
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

/** Whether a word is an option: `-` alone is not. */
export function isOption(word: string): boolean {
  return word.length > 1 && word.charCodeAt(0) === 45;
}

/** Splits `-name=value` and `--name=value`; value is undefined where there is no `=`. */
export function splitOption(word: string): { name: string; value: string | undefined } {
  const start = word.charCodeAt(1) === 45 ? 2 : 1;
  const equals = word.indexOf('=', start);
  if (equals === -1) return { name: word.slice(start), value: undefined };
  return { name: word.slice(start, equals), value: word.slice(equals + 1) };
}

export function findOption(row: CommandRow, name: string): OptionRow | undefined {
  return row.options.find((option) => option.name === name || option.short === name);
}

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

/**
 * Reads the options at the front of `words`, and arguments up to where the row
 * says that the rest is left alone.
 *
 * @param firstOnly stop at the first argument, as the line before the command does
 * @returns the index of the first word that was not read
 */
function readWords(
  command: string,
  row: CommandRow,
  words: readonly string[],
  start: number,
  firstOnly: boolean,
  options: OptionValues,
  args: string[],
): number {
  let i = start;
  while (i < words.length) {
    const word = words[i] ?? '';
    if (word === '--') {
      i++;
      if (firstOnly) return i;
      break;
    }
    if (!isOption(word)) {
      if (firstOnly) return i;
      if (row.verbatim) break;
      args.push(word);
      i++;
      continue;
    }
    i++;
    const { name, value } = splitOption(word);
    const option = findOption(row, name);
    if (option === undefined) throw unknownOption(command, word);
    let text = value;
    if (text === undefined) {
      if (option.kind === 'bool') {
        text = 'true';
      } else {
        text = words[i++];
        if (text === undefined) throw missingValue(command, option);
      }
    }
    options[option.name] = optionValue(command, option, text, options[option.name]);
    // Help and version are wanted as soon as they are read, whatever is missing behind them.
    if (options['help'] === true || options['version'] === true) return words.length;
  }
  for (; i < words.length; i++) args.push(words[i] ?? '');
  return i;
}

function checkArguments(command: string, row: CommandRow, args: readonly string[]): void {
  row.args.forEach((argument, i) => {
    if (argument.required && args[i] === undefined) throw missingArgument(command, argument.name);
  });
  const extra = args[row.args.length];
  if (extra !== undefined && !row.args.at(-1)?.many) throw excessArgument(command, extra);
}

/** What `help NAME` asks for. */
export function helpOf(globals: GlobalOptions, name: string | undefined): Parsed {
  if (name === undefined) return { kind: 'help', globals };
  if (!isCommand(name)) throw unknownCommand(name);
  return { kind: 'help', globals, command: name };
}

/** Reads a command line; `words` do not include the program's name. Never throws. */
export function parse(words: readonly string[]): Parsed {
  const globals: OptionValues = {};
  try {
    const start = readWords('', globalRow(), words, 0, true, globals, []);
    if (globals['help'] === true) return { kind: 'help', globals };
    if (globals['version'] === true) return { kind: 'version', globals };
    const command = words[start];
    if (command === undefined) return { kind: 'help', globals };
    if (!isCommand(command)) throw unknownCommand(command);

    const row: CommandRow = commands[command]();
    const options: OptionValues = {};
    const args: string[] = [];
    readWords(command, row, words, start + 1, false, options, args);
    if (options['help'] === true) return { kind: 'help', globals, command };
    checkArguments(command, row, args);
    if (command === 'help') return helpOf(globals, args[0]);
    return { kind: 'command', globals, command, options, args };
  } catch (error) {
    if (error instanceof UsageError) return { kind: 'error', globals, message: error.message };
    throw error;
  }
}
