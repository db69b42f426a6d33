/** The command line as completion sees it: what is supported of the table, and what goes where. */

import type { CommandName, CommandRow, OptionRow } from '../table.js';
import { commands, globalRow } from '../table.js';
import { argumentTexts, commandTexts, globalTexts } from '../texts.js';

/** What may stand in a place: words, paths, the ids of containers, a command of the container's. */
export type Place =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'file' | 'directory' | 'container' | 'program' | 'nothing' };

export interface Option {
  /** As they are written: `--bundle`, `-b`. */
  spellings: readonly string[];
  text: string;
  /** Without one the option takes no value. */
  value?: Place;
}

export interface Subcommand {
  name: string;
  text: string;
  options: readonly Option[];
  args: readonly { name: string; text: string; place: Place; many: boolean }[];
  /** Nothing behind the first argument is an option. */
  verbatim: boolean;
}

/** The options before the command have the name ''. */
export interface Model {
  globals: readonly Option[];
  commands: readonly Subcommand[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Those that people send. */
const SIGNALS = 'TERM KILL HUP INT QUIT USR1 USR2 STOP CONT WINCH'.split(' ');

export function model(): Model {
  return {
    globals: optionsOf(globalRow(), globalTexts),
    commands: supported().map((name) => {
      const row: CommandRow = commands[name]();
      return {
        name,
        text: commandTexts[name].summary,
        options: optionsOf(row, commandTexts[name].options),
        args: row.args.map((argument) => ({
          name: argument.name,
          text: argumentTexts[argument.name] ?? '',
          place: placeOf(name, argument.name),
          many: argument.many === true,
        })),
        verbatim: row.verbatim === true,
      };
    }),
  };
}

function supported(): CommandName[] {
  return (Object.keys(commands) as CommandName[]).filter((name) => {
    const row: CommandRow = commands[name]();
    return row.later !== true;
  });
}

function optionsOf(row: CommandRow, texts: Readonly<Record<string, string>>): Option[] {
  return row.options
    .filter((option) => option.later !== true)
    .map((option) => ({
      spellings: [`--${option.name}`, ...(option.short === undefined ? [] : [`-${option.short}`])],
      text: texts[option.name] ?? '',
      ...(option.kind === 'bool' ? {} : { value: valueOf(option) }),
    }));
}

function valueOf(option: OptionRow): Place {
  if (option.choices !== undefined) return { kind: 'words', words: option.choices };
  if (option.metavar === 'DIR') return { kind: 'directory' };
  if (option.metavar === 'FILE' || option.metavar === 'PATH') return { kind: 'file' };
  return { kind: 'nothing' };
}

function placeOf(command: CommandName, argument: string): Place {
  switch (argument) {
    case 'container-id':
      // That of a new one is the caller's to think of.
      return { kind: MAKERS.includes(command) ? 'nothing' : 'container' };
    case 'signal':
      return { kind: 'words', words: SIGNALS };
    case 'shell':
      return { kind: 'words', words: SHELLS };
    case 'command':
      return command === 'help' ? { kind: 'words', words: supported() } : { kind: 'program' };
    default:
      return { kind: 'nothing' };
  }
}

const MAKERS: readonly CommandName[] = ['create', 'run', 'restore', 'plan'];
