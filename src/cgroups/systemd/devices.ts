/**
 * Device rules as properties of the unit. The rules proper are in our own
 * program (devices/program.ts), which a daemon-reload leaves alone. systemd
 * attaches one of its own; a device must be allowed by both, so that systemd
 * is told of nothing narrower than the rules, and of no denial that it cannot
 * express.
 *
 * Source: systemd.resource-control(5), DeviceAllow and DevicePolicy.
 */

import type { BusItem } from '../../native/types.js';
import type { Decision } from '../devices/normalise.js';
import { normalise } from '../devices/normalise.js';
import { ACCESS_MKNOD, ACCESS_READ, ACCESS_WRITE, ANY, DEVICE_CHAR } from '../devices/rules.js';
import type { DeviceRule } from '../devices/rules.js';
import type { UnitProperty } from './properties.js';

const POINTER = '/linux/resources/devices';

/** @param pointer of the rules */
export function deviceProperties(rules: readonly DeviceRule[], pointer = POINTER): UnitProperty[] {
  const { runs, defaultAllow } = normalise(rules);
  // `auto` without a list: whatever it is, systemd has nothing against it.
  const list: BusItem[] = [];
  for (const { allow, decisions } of runs) {
    if (!allow || defaultAllow) continue;
    for (const decision of decisions) {
      list.push(['r', 'ss'], ['s', pattern(decision)], ['s', letters(decision)], [')', '']);
    }
  }
  return [
    {
      name: 'DevicePolicy',
      value: ['s', ['s', defaultAllow ? 'auto' : 'strict']],
      pointer,
    },
    {
      name: 'DeviceAllow',
      value: ['a(ss)', ['a', '(ss)'], ...list, [')', '']],
      pointer,
    },
  ];
}

/** The same for a unit that has a list already: the new one takes its place. */
export function replacedDeviceProperties(
  rules: readonly DeviceRule[],
  pointer: string,
): UnitProperty[] {
  const none: UnitProperty = {
    name: 'DeviceAllow',
    value: ['a(ss)', ['a', '(ss)'], [')', '']],
    pointer,
  };
  return [none, ...deviceProperties(rules, pointer)];
}

/** One number of any device is none that systemd can be told: then all of that kind. */
function pattern({ type, major, minor }: Decision): string {
  const kind = type === DEVICE_CHAR ? 'char' : 'block';
  if (major === ANY) return `${kind}-*`;
  return minor === ANY ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`;
}

function letters({ access }: Decision): string {
  return (
    ((access & ACCESS_READ) !== 0 ? 'r' : '') +
    ((access & ACCESS_WRITE) !== 0 ? 'w' : '') +
    ((access & ACCESS_MKNOD) !== 0 ? 'm' : '')
  );
}
