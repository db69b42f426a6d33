/** Who made a container: `owner` of `state` and `list`. */

import type { Native } from '../native/types.js';

/** The host's own file, but a bound all the same: nothing here may grow without one. */
const MAX_PASSWD = 4 << 20;

/** Name of a uid in the host's /etc/passwd; `#uid` when it has none, as runc shows it. */
export function ownerName(native: Native, uid: number): string {
  const text = native.readText('/etc/passwd', MAX_PASSWD);
  if (typeof text === 'number') return `#${uid}`;
  // NAME:PASSWORD:UID:...
  const wanted = `:${uid}:`;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const start = text.lastIndexOf('\n', at) + 1;
    const colon = text.indexOf(':', start);
    if (colon > start && text.indexOf(':', colon + 1) === at) return text.slice(start, colon);
  }
  return `#${uid}`;
}
