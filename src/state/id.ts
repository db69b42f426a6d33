/**
 * Container ids. An id becomes the name of a directory below the state
 * directory, and by default of a cgroup, so it is held to an allow-list.
 */

import { TsrunError } from '../errors.js';
import { printable } from '../printable.js';

/** NAME_MAX of Linux file systems: a longer id could not become a directory. */
const MAX_LENGTH = 255;

const ALLOWED = /^[A-Za-z0-9_+.-]+$/;

/**
 * Refuses an id that is not made of `A-Z a-z 0-9 _ + . -`, that is `.` or
 * `..`, or that is longer than 255 characters.
 *
 * @throws TsrunError ERR_ID_INVALID
 */
export function validateId(id: string): void {
  if (id === '') {
    throw new TsrunError('ERR_ID_INVALID', 'container id cannot be empty');
  }
  if (id.length > MAX_LENGTH) {
    throw new TsrunError(
      'ERR_ID_INVALID',
      `invalid container id format: ${id.length} characters, at most ${MAX_LENGTH} are allowed`,
    );
  }
  if (id === '.' || id === '..' || !ALLOWED.test(id)) {
    throw new TsrunError(
      'ERR_ID_INVALID',
      `invalid container id format: "${printable(id)}" (allowed are A-Z a-z 0-9 _ + . - and not . or .. alone)`,
    );
  }
}
