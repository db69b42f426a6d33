/**
 * Following a cgroup's state through cgroup.events and cgroup.freeze
 * (Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files").
 *
 * The kernel reports a change of cgroup.events as POLLPRI on an open file of
 * it. What counts as a change is relative to the last reading, so the file is
 * opened and read anew before each wait, and nothing is missed in between.
 */

import { ENODEV, ENOENT, O_CLOEXEC, O_RDONLY, POLLPRI } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { waitFor } from '../native/wait.js';
import type { CgroupPlace, CgroupRecord } from './record.js';

/** All files that are read here fit into this many bytes. */
const FILE_MAX = 4096;

/** Whether an errno says that the cgroup is gone: its directory, or the group behind an open file. */
export function isGone(errno: number): boolean {
  return errno === ENOENT || errno === ENODEV;
}

/** Whether the cgroup's path still leads to it, and not to one that was made there since. */
export function isThere(native: Native, { path, inode }: CgroupRecord): boolean {
  const stat = native.stat(path);
  // What cannot be found out is for what comes next to fail at.
  return typeof stat === 'number' ? !isGone(-stat) : String(stat.ino) === inode;
}

/** Whether a process lives in the cgroup or below it. A cgroup that is gone has none. */
export function isPopulated(native: Native, cgroup: CgroupPlace): boolean {
  const text = native.readText(`${cgroup.path}/cgroup.events`, FILE_MAX);
  return typeof text === 'string' && hasLine(text, 'populated 1');
}

/**
 * Whether the cgroup has been told to freeze (pause, or freeze()). One that is
 * gone has not, and neither has one that stands still because of an ancestor.
 */
export function isFrozen(native: Native, cgroup: CgroupPlace): boolean {
  const text = native.readText(`${cgroup.path}/cgroup.freeze`, FILE_MAX);
  return typeof text === 'string' && text.startsWith('1');
}

/**
 * Waits until no process lives in the cgroup or below it.
 *
 * @returns false when there still was one after timeoutMs
 */
export function waitEmpty(
  native: Native,
  cgroup: CgroupPlace,
  timeoutMs: number,
): Promise<boolean> {
  return waitForLine(native, cgroup, 'populated 0', timeoutMs);
}

/** Waits until every process of a cgroup that was told to freeze stands still. */
export function waitFrozen(
  native: Native,
  cgroup: CgroupPlace,
  timeoutMs: number,
): Promise<boolean> {
  return waitForLine(native, cgroup, 'frozen 1', timeoutMs);
}

/** A cgroup that is gone is as good as the line. */
async function waitForLine(
  native: Native,
  cgroup: CgroupPlace,
  line: string,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = native.monotonicNs() + timeoutMs * 1e6;
  for (;;) {
    const fd = native.open(`${cgroup.path}/cgroup.events`, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return isGone(-fd);
    try {
      const data = native.read(fd, FILE_MAX);
      if (typeof data === 'number') return isGone(-data);
      if (hasLine(ascii(data), line)) return true;
      const left = Math.ceil((deadline - native.monotonicNs()) / 1e6);
      if (left <= 0) return false;
      // Whatever the wait says, the file has the last word.
      if ((await waitFor(native, fd, POLLPRI, left)) < 0) return false;
    } finally {
      native.close(fd);
    }
  }
}

function hasLine(text: string, line: string): boolean {
  return text.startsWith(`${line}\n`) || text.includes(`\n${line}\n`);
}

function ascii(data: Uint8Array): string {
  let text = '';
  for (const byte of data) text += String.fromCharCode(byte);
  return text;
}
