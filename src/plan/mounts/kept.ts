/**
 * Mounts that are changed when others have been made since. Each is kept open
 * until then: who shares the directory above can have its name lead elsewhere.
 */

import type { Slots } from '../slots.js';
import type { MountPlacement, Slot, Step } from '../steps.js';

export type Placed = Extract<Step, { op: 'mount' | 'bind' }>;
export type Change = Extract<Step, { op: 'remount' | 'protect-limits' }>;

/** For a change of one thing alone. */
export const NO_CHANGE: MountPlacement = {
  target: '',
  attrSet: 0,
  attrClear: 0,
  recursiveSet: 0,
  recursiveClear: 0,
  propagation: 0,
  idMap: -1,
  idMapRecursive: false,
};

interface Kept {
  changes: Change[];
  /** Other mounts are made before the last change. */
  late: boolean;
}

export class KeptMounts {
  private readonly kept = new Map<Placed, Kept>();

  /** The changes are steps of the plan behind `placed`: the next ones, or `late`. */
  keep(placed: Placed, changes: readonly Change[], late: boolean): void {
    if (changes.length === 0) return;
    const kept = this.kept.get(placed);
    if (kept === undefined) {
      this.kept.set(placed, { changes: [...changes], late });
    } else {
      kept.changes.push(...changes);
      kept.late ||= late;
    }
  }

  /** When the last input has its slot. What is changed at once takes turns in one. */
  assign(slots: Slots): void {
    let next: Slot = -1;
    for (const [placed, { changes, late }] of this.kept) {
      let slot = placed.op === 'bind' ? placed.slot : -1;
      if (slot < 0) {
        if (late) slot = slots.fill();
        else slot = next < 0 ? (next = slots.fill()) : next;
        placed.keep = slot;
      }
      for (const change of changes) change.mount = slot;
    }
  }
}
