/** Help, from the table and the texts. */

import type { CommandName, CommandRow, OptionRow } from './table.js';
import { commands, globalRow } from './table.js';
import { argumentTexts, commandTexts, globalTexts } from './texts.js';

/** @param command of which one; of the whole program without */
export function helpText(command?: CommandName): string {
  return command === undefined ? programHelp() : commandHelp(command);
}

function programHelp(): string {
  const summaries = (Object.keys(commands) as CommandName[]).map(
    (name) => [name, commandTexts[name].summary] as const,
  );
  return [
    'tsrun runs containers that are described by OCI bundles.\n\n',
    'Usage: tsrun [options] COMMAND [command options] [arguments]\n\n',
    'Commands:\n',
    pairs(summaries),
    '\nOptions:\n',
    optionLines(globalRow(), globalTexts),
    '\nA bundle is a directory with a config.json and the root file system that it names.\n',
    'tsrun COMMAND --help says more about a command.\n',
  ].join('');
}

function commandHelp(command: CommandName): string {
  const row: CommandRow = commands[command]();
  const texts = commandTexts[command];
  const parts = [`${texts.summary}\n\n`, `Usage: ${usageLine(command, row)}\n\n`];
  if (texts.more !== undefined) parts.push(`${texts.more}\n\n`);
  if (row.args.length > 0) {
    parts.push(
      'Arguments:\n',
      pairs(row.args.map(({ name }) => [name, argumentTexts[name] ?? ''] as const)),
      '\n',
    );
  }
  parts.push('Options:\n', optionLines(row, texts.options));
  if (row.later) parts.push('\nThis command is not supported yet.\n');
  return parts.join('');
}

function usageLine(command: CommandName, row: CommandRow): string {
  const args = row.args.map(({ name, required, many }) => {
    const shown = many ? `${name}...` : name;
    return required ? ` <${shown}>` : ` [${shown}]`;
  });
  return `tsrun ${command} [options]${args.join('')}`;
}

function optionLines(row: CommandRow, texts: Readonly<Record<string, string>>): string {
  return pairs(
    row.options.map((option) => {
      const text = texts[option.name] ?? '';
      return [spelling(option), option.later ? `${text} (not supported yet)` : text] as const;
    }),
  );
}

function spelling(option: OptionRow): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const many = option.kind === 'list' || option.kind === 'ints' ? '...' : '';
  const value = option.metavar === undefined ? '' : ` ${option.metavar}${many}`;
  return `${short}--${option.name}${value}`;
}

function pairs(lines: readonly (readonly [string, string])[]): string {
  const width = lines.reduce((widest, [left]) => Math.max(widest, left.length), 0) + 2;
  return lines.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('');
}
