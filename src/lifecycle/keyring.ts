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

/** Of a plan that is shown: what is random in it comes with the container. */
export function plannedKeyringName(id: string): string {
  return `_ses.${id}`;
}

/** @throws TsrunError ERR_SYSTEM */
export function newKeyringName(native: Native, id: string): string {
  const uuid = native.readText(RANDOM, 64);
  if (typeof uuid === 'number') {
    throw new TsrunError('ERR_SYSTEM', `cannot read ${RANDOM}: ${native.strerror(-uuid)}`, {
      errno: -uuid,
    });
  }
  return `${plannedKeyringName(id)}.${uuid.trim()}`;
}
