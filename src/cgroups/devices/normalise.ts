/**
 * From device rules in order to the least set of decisions that has the same
 * effect, for a short program.
 *
 * What rules in order mean: of all rules that match a device, the last one that
 * names an access decides about that access. This is the result of applying
 * them one after another to a list of what is allowed, with one difference to
 * cgroup v1: a denial inside of an earlier wildcard takes effect there too,
 * where v1 ignores it without a word.
 */

import { ACCESS_ALL, ANY, DEVICE_CHAR, MAJOR_MAX, MINOR_MAX } from './rules.js';
import type { DEVICE_BLOCK, DeviceRule } from './rules.js';

export interface Decision {
  type: typeof DEVICE_BLOCK | typeof DEVICE_CHAR;
  major: number;
  minor: number;
  /** The accesses that this one decides about. */
  access: number;
  /**
   * Nothing that concerns these devices is left to decide after it: later rules
   * that match all of them have decided about the other accesses.
   */
  final: boolean;
}

/** Neighbours with the same verdict; their order among themselves has no effect. */
export interface Run {
  allow: boolean;
  decisions: Decision[];
}

export interface Decisions {
  /** The first decision about an access counts. */
  runs: Run[];
  /** What becomes of an access that no run decides about. */
  defaultAllow: boolean;
}

export function normalise(rules: readonly DeviceRule[]): Decisions {
  let defaultAllow = false;
  let start = 0;
  for (let i = rules.length - 1; i >= 0; i--) {
    const rule = rules[i];
    if (rule?.type === 'all') {
      defaultAllow = rule.allow;
      start = i + 1;
      break;
    }
  }

  // From the last rule to the first: what is decided already needs no saying.
  const decided = new Map<number, number>();
  const kept: (Decision & { allow: boolean })[] = [];
  for (let i = rules.length - 1; i >= start; i--) {
    const rule = rules[i];
    if (rule === undefined || rule.type === 'all') continue;
    const { allow, type, major, minor } = rule;
    const own = key(type, major, minor);
    const before = decided.get(own) ?? 0;
    const covered =
      before |
      (decided.get(key(type, major, ANY)) ?? 0) |
      (decided.get(key(type, ANY, minor)) ?? 0) |
      (decided.get(key(type, ANY, ANY)) ?? 0);
    const access = rule.access & ~covered;
    if (access === 0) continue;
    decided.set(own, before | rule.access);
    const final = (rule.access | covered) === ACCESS_ALL;
    kept.push({ allow, type, major, minor, access, final });
  }

  const runs: Run[] = [];
  let inRun = new Map<number, Decision>();
  for (let i = 0; i < kept.length; i++) {
    const decision = kept[i];
    if (decision === undefined || (decision.allow === defaultAllow && isDefault(kept, i))) continue;
    const { allow, type, major, minor, access, final } = decision;
    let run = runs[runs.length - 1];
    if (run?.allow !== allow) {
      run = { allow, decisions: [] };
      runs.push(run);
      inRun = new Map();
    }
    const own = key(type, major, minor);
    const same = inRun.get(own);
    if (same === undefined) {
      const added = { type, major, minor, access, final };
      inRun.set(own, added);
      run.decisions.push(added);
    } else {
      same.access |= access;
      same.final ||= final;
    }
  }
  return { runs, defaultAllow };
}

/** Whether leaving decision `index` to the default changes nothing: no weaker one contradicts it. */
function isDefault(kept: readonly (Decision & { allow: boolean })[], index: number): boolean {
  const decision = kept[index];
  if (decision === undefined) return true;
  for (let i = index + 1; i < kept.length; i++) {
    const weaker = kept[i];
    if (weaker === undefined || weaker.allow === decision.allow) continue;
    // A final one speaks for what this one decides too, so this one must stay before it.
    const access = weaker.final ? ACCESS_ALL : weaker.access;
    if (
      weaker.type === decision.type &&
      (access & decision.access) !== 0 &&
      meets(weaker.major, decision.major) &&
      meets(weaker.minor, decision.minor)
    ) {
      return false;
    }
  }
  return true;
}

function meets(a: number, b: number): boolean {
  return a === ANY || b === ANY || a === b;
}

/** One number for a set of devices; ANY takes the value above the greatest number. */
function key(type: Decision['type'], major: number, minor: number): number {
  const high = (type === DEVICE_CHAR ? MAJOR_MAX + 2 : 0) + (major === ANY ? MAJOR_MAX + 1 : major);
  return high * (MINOR_MAX + 2) + (minor === ANY ? MINOR_MAX + 1 : minor);
}
