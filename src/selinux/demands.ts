/** process.selinuxLabel and linux.mountLabel: nothing is run or mounted without its label. */

import type { CreateProblem } from '../spec/create-demands.js';
import type { Linux, Process } from '../spec/types.js';
import { unsupported } from '../spec/unsupported.js';

/** @param at JSON pointer of the process object */
export function processLabelProblems(process: Process | undefined, at: string): CreateProblem[] {
  return unsupported(`${at}/selinuxLabel`, Boolean(process?.selinuxLabel));
}

export function mountLabelProblems(linux: Linux | undefined): CreateProblem[] {
  return unsupported('/linux/mountLabel', Boolean(linux?.mountLabel));
}
