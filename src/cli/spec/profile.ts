/** Reading a profile: a file with a fragment of a config.json. */

import { TsrunError } from '../../errors.js';
import type { Native } from '../../native/types.js';
import { JsonError, parseJson } from '../../spec/json.js';

/** In bytes; the limit of config.json itself is no lower. */
const PROFILE_MAX = 1024 * 1024;

/** @throws TsrunError ERR_BUNDLE when it cannot be read, ERR_CONFIG_INVALID when it is no JSON object */
export function readProfile(native: Native, path: string): object {
  const text = native.readText(path, PROFILE_MAX);
  if (typeof text === 'number') {
    throw new TsrunError(
      'ERR_BUNDLE',
      `cannot read the profile ${path}: ${native.strerror(-text)}`,
      {
        errno: -text,
      },
    );
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw invalid(path, `is not valid JSON: ${error.message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, 'must be an object');
  }
  return value;
}

function invalid(path: string, what: string): TsrunError {
  return new TsrunError('ERR_CONFIG_INVALID', `the profile ${path} ${what}`);
}
