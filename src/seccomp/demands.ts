/** linux.seccomp: a container is not run without the filter that it asks for. */

import type { CreateProblem } from '../spec/create-demands.js';
import type { Linux } from '../spec/types.js';
import { unsupported } from '../spec/unsupported.js';

export function seccompProblems(linux: Linux | undefined): CreateProblem[] {
  return unsupported('/linux/seccomp', linux?.seccomp !== undefined);
}
