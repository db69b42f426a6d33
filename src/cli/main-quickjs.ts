/** tsrun as an executable: what native/quickjs/main.cc calls. */

import type { Native } from '../native/types.js';
import type { Environment } from '../state/root.js';
import { main } from './main.js';
import { parse } from './parse.js';

/**
 * Runs the command line to its end.
 *
 * @param words the arguments without the program's name
 * @param environment the program's, looked into when it is asked for a variable
 * @returns the exit status
 */
export function start(
  native: Native,
  words: readonly string[],
  environment: Environment,
): Promise<number> {
  return main({ native, environment }, parse(words));
}
