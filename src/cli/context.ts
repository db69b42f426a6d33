/** What a command works with. */

import type { Native } from '../native/types.js';
import type { Environment, StateRoot } from '../state/root.js';
import type { Log } from './log.js';
import type { CommandName, GlobalOptions, Options } from './table.js';

export interface Context {
  native: Native;
  environment: Environment;
  log: Log;
  globals: GlobalOptions;
  /**
   * The state directory of all containers, open until the program ends.
   *
   * @throws TsrunError ERR_STATE when others can change it
   */
  root(): StateRoot;
  /** Absolute path of what was given relative to the current directory. */
  absolute(path: string): string;
}

/**
 * A command: src/cli/commands/NAME.ts exports one as `run`.
 *
 * @returns the exit status
 * @throws TsrunError
 */
export type Command<C extends CommandName> = (
  context: Context,
  options: Options<C>,
  args: readonly string[],
) => Promise<number>;
