/** What a state file that is damaged still says. */

import type { CgroupRecord, HierarchyRoot } from '../cgroups/record.js';
import type { ScopeRecord } from '../cgroups/systemd/scope.js';
import { ENOENT } from '../native/constants.js';
import { isAbsent } from '../native/look.js';
import type { Native } from '../native/types.js';
import { bootId } from './boot.js';
import { STATE_FILE, statePath } from './paths.js';
import { MAX_REMOVED, notedCgroupOf } from './state-file.js';
import type { StateRoot } from './root.js';
import { readStateText, stateError } from './store.js';

export interface Salvage {
  /** The file has something in it that may be of this boot. */
  written: boolean;
  /** First processes that it names, each with its start time: what they are now is to be asked. */
  processes: { pid: number; startTime: number }[];
  /** Its cgroup, with the inode number that tells whether it still is that. */
  cgroup: CgroupRecord | undefined;
  /** The unit of systemd's that its cgroup was about to be made by. */
  scope: ScopeRecord | undefined;
  /** The path at which a cgroup was about to be made. */
  notedCgroup: string | undefined;
}

/** What is left of an earlier boot. */
const NOTHING: Salvage = {
  written: false,
  processes: [],
  cgroup: undefined,
  scope: undefined,
  notedCgroup: undefined,
};

/**
 * Goes by what the fields look like, whatever is around them.
 *
 * @throws TsrunError ERR_STATE when the file cannot be read although it is there
 */
export function salvage(native: Native, root: StateRoot, id: string): Salvage {
  const found = readStateText(native, root, id, MAX_REMOVED);
  if (typeof found === 'number' && !isAbsent(found)) {
    throw stateError(native, 'cannot read', statePath(root, id, STATE_FILE), found);
  }
  const text = typeof found === 'number' ? '' : found;
  if (isOfEarlierBoot(native, text)) return NOTHING;
  return {
    written: text.trim() !== '',
    processes: processesIn(text),
    cgroup: recordIn(text),
    scope: scopeIn(text),
    notedCgroup: notedCgroupOf(text),
  };
}

/**
 * Whether a state that cannot be understood, of another version for one, may be
 * of a container in that cgroup.
 */
export function mayLiveIn(native: Native, root: StateRoot, id: string, path: string): boolean {
  const text = readStateText(native, root, id);
  if (typeof text === 'number') return text !== -ENOENT;
  return text.includes(JSON.stringify(path));
}

/** By the end of a summary alone: an annotation, which an image may bring, can be called `boot` too. */
function isOfEarlierBoot(native: Native, text: string): boolean {
  const boot = /^\{"version":.*,"boot":"([^"]*)"\}$/m.exec(text)?.[1];
  return boot !== undefined && boot !== bootId(native);
}

function processesIn(text: string): Salvage['processes'] {
  return [...text.matchAll(/"pid":\s*(\d+),\s*"startTime":\s*(\d+)/g)]
    .map(([, pid, startTime]) => ({ pid: Number(pid), startTime: Number(startTime) }))
    .filter(({ pid }) => pid > 0);
}

function recordIn(text: string): CgroupRecord | undefined {
  const record = objectIn<CgroupRecord>(/"cgroup":\s*(\{[^{}]*\})/, text);
  const whole =
    typeof record?.path === 'string' &&
    record.path.startsWith('/') &&
    typeof record.inode === 'string';
  if (!whole) return undefined;
  const { hierarchy, ...rest } = record as CgroupRecord;
  return isHierarchy(hierarchy) ? { ...rest, hierarchy } : rest;
}

function isHierarchy(value: unknown): value is HierarchyRoot {
  return Array.isArray(value) && value.length === 2 && value.every((it) => typeof it === 'string');
}

function scopeIn(text: string): ScopeRecord | undefined {
  const scope = objectIn<ScopeRecord>(/"scope":\s*(\{[^{}]*\})/, text);
  const whole = [scope?.unit, scope?.bus, scope?.mark].every(
    (field) => typeof field === 'string' && field !== '',
  );
  return whole ? (scope as ScopeRecord) : undefined;
}

function objectIn<T>(pattern: RegExp, text: string): Partial<T> | undefined {
  const object = pattern.exec(text)?.[1];
  if (object === undefined) return undefined;
  try {
    return JSON.parse(object) as Partial<T>;
  } catch {
    return undefined;
  }
}
