/** From a failed step to the error that the caller gets. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { explainFailure } from '../plan/describe.js';
import type { Step } from '../plan/steps.js';

export function explainStep(
  native: Native,
  step: Step,
  errno: number,
  failureCode: number,
  text: string,
): TsrunError {
  const reason = native.strerror(errno);
  const { message, code } = explainFailure(step, reason, failureCode, text);
  return new TsrunError(code, message, {
    errno,
    ...(step.at === '' ? {} : { pointer: step.at }),
  });
}
