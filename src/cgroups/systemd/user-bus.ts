/** Where the bus of an ordinary user is, for its own systemd. */

import type { Native } from '../../native/types.js';
import type { Environment } from '../../state/root.js';

/**
 * The socket that DBUS_SESSION_BUS_ADDRESS names when it is a path (D-Bus
 * specification, "Server Addresses"), else the one that systemd makes
 * (systemd.special(7), user@.service).
 */
export function userBus(native: Native, environment: Environment): string {
  for (const address of (environment['DBUS_SESSION_BUS_ADDRESS'] ?? '').split(';')) {
    const path = /^unix:(?:.*,)?path=([^,]+)/.exec(address)?.[1];
    if (path !== undefined) return decode(path);
  }
  const [uid] = native.getuid();
  const directory = environment['XDG_RUNTIME_DIR'] ?? '';
  return `${directory === '' ? `/run/user/${uid}` : directory}/bus`;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
