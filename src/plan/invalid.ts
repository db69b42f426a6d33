/** Errors about a field of the configuration. */

import { TsrunError } from '../errors.js';

export function invalid(pointer: string, problem: string): TsrunError {
  return new TsrunError('ERR_CONFIG_INVALID', `${pointer}: ${problem}`, { pointer });
}

export function unsupported(pointer: string, problem: string): TsrunError {
  return new TsrunError('ERR_UNSUPPORTED', `${pointer}: ${problem}`, { pointer });
}
