/**
 * The whole procfs and sysfs mounts of the host that stay in the mount namespace of a container
 * without pivot_root. Where one is to be seen there, the kernel lets every user namespace inside
 * have a new one, without masks (mount_too_revealing()): they are covered.
 */

import { TsrunError } from '../errors.js';
import { MOUNTINFO_MAX, parseMountinfo } from '../cgroups/mount.js';
import { O_CLOEXEC, O_PATH } from '../native/constants.js';
import type { Native } from '../native/types.js';

const FDINFO_MAX = 4096;

/**
 * @param rootfs absolute path; what is mounted below it stays in the namespace too, out of reach
 * @returns their mount points, one for each time it is mounted on
 * @throws TsrunError ERR_SYSTEM for what cannot be reached by its mount point
 */
export function hostMounts(native: Native, rootfs: string): string[] {
  const mountinfo = native.readText('/proc/self/mountinfo', MOUNTINFO_MAX);
  if (typeof mountinfo === 'number') {
    throw cannot(`read /proc/self/mountinfo: ${native.strerror(-mountinfo)}`);
  }
  const found = parseMountinfo(mountinfo).filter(
    ({ type, root }) => (type === 'proc' || type === 'sysfs') && root === '/',
  );
  for (const { point, type } of found) {
    const cover = (why: string): TsrunError =>
      cannot(`cover the ${type} on ${point} of the host: ${why}`);
    if (point === rootfs || point.startsWith(`${rootfs}/`)) {
      throw cover('the root of the container hides it');
    }
    const id = mountId(native, point);
    if (typeof id === 'number') throw cover(native.strerror(-id));
    if (found.some((other) => other.point === point && other.id === id)) continue;
    throw cover('something else is mounted over it');
  }
  return found.map(({ point }) => point);
}

/** Of what a path leads to (proc_pid_fdinfo(5)); a negated errno where it leads nowhere. */
function mountId(native: Native, path: string): string | number {
  const fd = native.open(path, O_PATH | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const text = native.readText(`/proc/self/fdinfo/${fd}`, FDINFO_MAX);
  native.close(fd);
  return typeof text === 'number' ? text : (/\nmnt_id:\s*(\d+)\n/.exec(text)?.[1] ?? '');
}

function cannot(what: string): TsrunError {
  return new TsrunError('ERR_SYSTEM', `--no-pivot: cannot ${what}`);
}
