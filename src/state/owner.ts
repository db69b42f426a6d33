/** Who made a container: `owner` of `state` and `list`. */

import type { Native } from '../native/types.js';

/** The host's own file, but a bound all the same: nothing here may grow without one. */
const MAX_PASSWD = 4 << 20;

/** Name of a uid in the host's /etc/passwd; `#uid` when it has none, as runc shows it. */
export function ownerName(native: Native, uid: number): string {
  const text = native.readText('/etc/passwd', MAX_PASSWD);
  if (typeof text === 'number') return `#${uid}`;
  const wanted = String(uid);
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    if (fields[2] === wanted && fields[0] !== undefined && fields[0] !== '') return fields[0];
  }
  return `#${uid}`;
}
