/** The checks as a program for native/quickjs/main-plain.cc. */

import type { Native } from '../../src/native/types.js';
import { bindingChecks } from './binding-checks.js';
import { busChecks } from './bus-checks.js';

export async function start(native: Native, words: readonly string[]): Promise<number> {
  const [directory = '.', bus] = words;
  const told = await bindingChecks(native, directory);
  native.write(1, told + (bus === undefined ? '' : (await busChecks(native, bus)).join('\n')));
  return 0;
}
