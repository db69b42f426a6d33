/**
 * What both parsers make of a command line, and every way in which one is
 * wrong. Each message is made here, so that it cannot depend on the parser.
 */

import type { CommandName, GlobalOptions, OptionRow, OptionValue } from './table.js';

export type OptionValues = Record<string, OptionValue>;

export type Parsed =
  /** `args` are the arguments behind the options, the container id first. */
  | {
      kind: 'command';
      globals: GlobalOptions;
      command: CommandName;
      options: OptionValues;
      args: string[];
    }
  /** Help of one command, or of all where none is named. */
  | { kind: 'help'; globals: GlobalOptions; command?: CommandName }
  | { kind: 'version'; globals: GlobalOptions }
  /** The line is wrong; `globals` are the options before the command as far as they were read. */
  | { kind: 'error'; globals: GlobalOptions; message: string };

/** Thrown within a parser, and caught there. */
export class UsageError extends Error {}

/** Where help is, for the end of a message. `command` is '' for the line before the command. */
function where(command: string): string {
  return ` (see tsrun ${command === '' ? '' : `${command} `}--help)`;
}

function fail(command: string, text: string): UsageError {
  return new UsageError(`${command === '' ? '' : `${command}: `}${text}${where(command)}`);
}

/** @param token the option as it was written, or as a parser spells it */
export function unknownOption(command: string, token: string): UsageError {
  const equals = token.indexOf('=', 1);
  const name = (equals === -1 ? token : token.slice(0, equals)).replace(/^--?/, '');
  return fail(command, `unknown option ${name.length === 1 ? '-' : '--'}${name}`);
}

/** The words `flag needs an argument` are what podman looks for (callers.md). */
export function missingValue(command: string, option: OptionRow): UsageError {
  return fail(command, `flag needs an argument: --${option.name}`);
}

export function missingArgument(command: string, name: string): UsageError {
  return fail(command, `${name} is missing`);
}

export function excessArgument(command: string, argument: string): UsageError {
  return fail(command, `unexpected argument ${JSON.stringify(argument)}`);
}

export function unknownCommand(name: string): UsageError {
  return fail('', `unknown command ${JSON.stringify(name)}`);
}

function invalidValue(
  command: string,
  option: OptionRow,
  text: string,
  expected: string,
): UsageError {
  return fail(
    command,
    `invalid value ${JSON.stringify(text)} for --${option.name}: it must be ${expected}`,
  );
}

/** The spellings that Go's flag package takes, since callers were written for it. */
const TRUE = ['true', '1', 't', 'T', 'TRUE', 'True'];
const FALSE = ['false', '0', 'f', 'F', 'FALSE', 'False'];

/** The value of an option after `text` was given, `previous` being what it was before. */
export function optionValue(
  command: string,
  option: OptionRow,
  text: string,
  previous: OptionValue | undefined,
): OptionValue {
  switch (option.kind) {
    case 'bool':
      if (TRUE.includes(text)) return true;
      if (FALSE.includes(text)) return false;
      throw invalidValue(command, option, text, 'true or false');
    case 'string':
      return text;
    case 'choice': {
      const choices = option.choices ?? [];
      if (!choices.includes(text)) throw invalidValue(command, option, text, choices.join(' or '));
      return text;
    }
    case 'int':
      if (!/^-?\d{1,15}$/.test(text)) throw invalidValue(command, option, text, 'a whole number');
      return Number(text);
    case 'count':
      if (!/^\d{1,9}$/.test(text)) {
        throw invalidValue(command, option, text, 'a whole number from 0 on');
      }
      return Number(text);
    case 'list':
      return [...((previous as string[] | undefined) ?? []), text];
    case 'ints':
      if (!/^\d{1,10}$/.test(text)) {
        throw invalidValue(command, option, text, 'a whole number from 0 on');
      }
      return [...((previous as number[] | undefined) ?? []), Number(text)];
  }
}
