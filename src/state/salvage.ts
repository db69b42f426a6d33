/** What a state file that is damaged still says. */

import type { CgroupRecord } from '../cgroups/record.js';
import type { Native } from '../native/types.js';
import { notedCgroupOf } from './state-file.js';
import { statePaths } from './paths.js';

const MAX_STATE = 16 << 20;

export interface Salvage {
  /** The file has something in it. */
  written: boolean;
  /** First processes that it names, each with its start time: what they are now is to be asked. */
  processes: { pid: number; startTime: number }[];
  /** Its cgroup, with the inode number that tells whether it still is that. */
  cgroup: CgroupRecord | undefined;
  /** The path at which a cgroup was about to be made. */
  notedCgroup: string | undefined;
}

/** Goes by what the fields look like, whatever is around them. */
export function salvage(native: Native, root: string, id: string): Salvage {
  const found = native.readText(statePaths(root, id).state, MAX_STATE);
  const text = typeof found === 'number' ? '' : found;
  return {
    written: text.trim() !== '',
    processes: [...text.matchAll(/"pid":\s*(\d+),\s*"startTime":\s*(\d+)/g)]
      .map(([, pid, startTime]) => ({ pid: Number(pid), startTime: Number(startTime) }))
      .filter(({ pid }) => pid > 0),
    cgroup: recordIn(text),
    notedCgroup: notedCgroupOf(text),
  };
}

function recordIn(text: string): CgroupRecord | undefined {
  const object = /"cgroup":\s*(\{[^{}]*\})/.exec(text)?.[1];
  if (object === undefined) return undefined;
  try {
    const record = JSON.parse(object) as Partial<CgroupRecord>;
    const whole =
      typeof record.path === 'string' &&
      record.path.startsWith('/') &&
      typeof record.inode === 'string';
    return whole ? (record as CgroupRecord) : undefined;
  } catch {
    return undefined;
  }
}
