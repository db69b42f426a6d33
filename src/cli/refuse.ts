/** What is known but not supported yet is refused by name, never ignored. */

import { TsrunError } from '../errors.js';
import type { CommandName, CommandRow, OptionRow } from './table.js';
import { commands, globalRow } from './table.js';
import type { OptionValues } from './usage.js';

/** @throws TsrunError ERR_UNSUPPORTED */
export function refuseUnsupported(
  command: CommandName,
  globals: OptionValues,
  options: OptionValues,
): void {
  const row: CommandRow = commands[command]();
  if (row.later) throw unsupported(`the command ${command}`);
  for (const option of globalRow().options) refuse(option, globals);
  for (const option of row.options) refuse(option, options);
}

function refuse(option: OptionRow, values: OptionValues): void {
  if (!option.later) return;
  const value = values[option.name];
  // Callers that pass an empty label or profile want none.
  if (value === undefined || value === false || value === '') return;
  throw unsupported(`the option --${option.name}`);
}

function unsupported(what: string): TsrunError {
  return new TsrunError('ERR_UNSUPPORTED', `${what} is not supported yet`);
}
