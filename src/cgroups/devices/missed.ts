/**
 * Whether device rules that cannot be put into force in a user namespace are missed there.
 *
 * Nobody in it can make the node of a device (mknod(2): CAP_MKNOD in the initial
 * user namespace), so that a container has those devices alone whose nodes its
 * configuration puts there. Rules that deny everything, as managers write them for
 * every container, take nothing away from that; rules that restrict one of these
 * devices would have.
 */

import type { LinuxDevice, Spec } from '../../spec/types.js';
import {
  ACCESS_READ,
  ACCESS_WRITE,
  DEVICE_BLOCK,
  DEVICE_CHAR,
  accessAllowed,
  deviceRules,
} from './rules.js';
import type { DeviceRule } from './rules.js';

const USE = ACCESS_READ | ACCESS_WRITE;

/** @throws TsrunError ERR_CONFIG_INVALID as deviceRules() */
export function rulesMissed({ linux }: Spec): boolean {
  const rules = deviceRules(linux?.resources?.devices ?? []);
  return rules.some(restricts) || (linux?.devices ?? []).some((device) => isDenied(device, rules));
}

/** A rule about some device that wants it used in part at most. */
function restricts({ type, allow, access }: DeviceRule): boolean {
  if (type === 'all') return false;
  const use = access & USE;
  return allow ? use === ACCESS_READ || use === ACCESS_WRITE : use !== 0;
}

function isDenied({ type, major = 0, minor = 0 }: LinuxDevice, rules: DeviceRule[]): boolean {
  if (type === 'p') return false;
  return !accessAllowed(rules, type === 'b' ? DEVICE_BLOCK : DEVICE_CHAR, major, minor, USE);
}
