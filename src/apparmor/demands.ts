/** process.apparmorProfile: a program is not run without the confinement that it asks for. */

import type { CreateProblem } from '../spec/create-demands.js';
import type { Process } from '../spec/types.js';
import { unsupported } from '../spec/unsupported.js';

/** @param at JSON pointer of the process object */
export function apparmorProblems(process: Process | undefined, at: string): CreateProblem[] {
  return unsupported(`${at}/apparmorProfile`, Boolean(process?.apparmorProfile));
}
