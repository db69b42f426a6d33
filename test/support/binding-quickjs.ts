/** The checks as a program for native/quickjs/main-plain.cc. */

import type { Native } from '../../src/native/types.js';
import { bindingChecks } from './binding-checks.js';

export async function start(native: Native, words: readonly string[]): Promise<number> {
  native.write(1, await bindingChecks(native, words[0] ?? '.'));
  return 0;
}
