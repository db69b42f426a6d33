/** How a value of an option of `spec` is refused. */

import { TsrunError } from '../../errors.js';

/**
 * @param option long name without dashes
 * @param expected what the value must be, for the end of the sentence
 */
export function invalidValue(option: string, text: string, expected: string): TsrunError {
  return new TsrunError(
    'ERR_USAGE',
    `spec: invalid value ${JSON.stringify(text)} for --${option}: it must be ${expected}`,
  );
}
