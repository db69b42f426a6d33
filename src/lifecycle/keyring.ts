/**
 * Names of session keyrings.
 *
 * exec joins the keyring of a container by its name, and so could any process
 * of the same user that knows it; who has a keyring of that name already
 * would get the container into it. Only the state has the name, therefore.
 */

import { TsrunError } from '../errors.js';
import type { Native } from '../native/types.js';

const RANDOM = '/proc/sys/kernel/random/uuid';

/** @throws TsrunError ERR_SYSTEM */
export function newKeyringName(native: Native, id: string): string {
  const uuid = native.readText(RANDOM, 64);
  if (typeof uuid === 'number') {
    throw new TsrunError('ERR_SYSTEM', `cannot read ${RANDOM}: ${native.strerror(-uuid)}`, {
      errno: -uuid,
    });
  }
  return `_ses.${id}.${uuid.trim()}`;
}
