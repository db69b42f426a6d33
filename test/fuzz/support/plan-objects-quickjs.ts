/** plan-objects.ts as a program for native/quickjs/main-plain.cc. */

import type { Native } from '../../../src/native/types.js';
import { planObjects } from './plan-objects.js';

export async function start(native: Native, words: readonly string[]): Promise<number> {
  const counts = await planObjects(native, Number(words[0]), Number(words[1]));
  native.write(1, JSON.stringify(counts));
  return 0;
}
