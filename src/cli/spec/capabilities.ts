/** `spec --cap-add` and `--cap-drop`. */

import { CAPABILITIES } from '../../plan/capabilities.js';
import type { LinuxCapabilities } from '../../spec/types.js';
import { invalidValue } from './invalid.js';

/**
 * Drops first, then adds, so that `--cap-drop ALL --cap-add X` leaves X alone
 * whatever their order is. A name is taken with and without CAP_, in any case.
 * What is added is bounding, effective and permitted: inheritable and ambient
 * sets are for programs without root, and stay what they are.
 */
export function changeCapabilities(
  sets: LinuxCapabilities,
  add: readonly string[],
  drop: readonly string[],
): LinuxCapabilities {
  const dropped = drop.flatMap((name) => namesOf('cap-drop', name));
  const added = add.flatMap((name) => namesOf('cap-add', name));
  const less = (set: readonly string[] = []) => set.filter((name) => !dropped.includes(name));
  const changed = (set?: readonly string[]) => [...new Set([...less(set), ...added])].sort();
  return {
    ...sets,
    bounding: changed(sets.bounding),
    effective: changed(sets.effective),
    permitted: changed(sets.permitted),
    ...(sets.inheritable === undefined ? {} : { inheritable: less(sets.inheritable) }),
    ...(sets.ambient === undefined ? {} : { ambient: less(sets.ambient) }),
  };
}

function namesOf(option: string, text: string): readonly string[] {
  const upper = text.toUpperCase();
  if (upper === 'ALL') return CAPABILITIES;
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!CAPABILITIES.includes(name)) {
    throw invalidValue(option, text, 'ALL or the name of a capability');
  }
  return [name];
}
