/** Reads a small file of the container's root file system, from outside, safely. */

import { cannotLook } from '../native/look.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EACCES,
  EFBIG,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  ESRCH,
  O_CLOEXEC,
  O_PATH,
  PROC_SUPER_MAGIC,
  SYSFS_MAGIC,
  S_IFMT,
  S_IFREG,
} from '../native/constants.js';

/** An image's /etc/passwd may be anything (security.md row 19): nobody needs more than this. */
const MAX_SIZE = 1 << 20;

/**
 * Which errors say that an image has no such file: no name, or a directory, a loop or a target of a
 * link that leads to none; and a mode or owner in the image that keeps a caller who is not root out.
 * Every other one (EIO, ENOMEM, EMFILE, EAGAIN where somebody renames meanwhile) is no answer.
 */
const ABSENT: readonly number[] = [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES];

const KERNEL: readonly number[] = [PROC_SUPER_MAGIC, SYSFS_MAGIC];

/**
 * Links are followed inside the root only, and nothing but a regular file is
 * opened: a fifo of the image would wait for ever, and to open a device of the
 * host is to use it (tty_open(), a tape that rewinds). So is to read some files of
 * the kernel, which a container may mount there: /proc/kmsg loses what was read.
 *
 * @param root the root file system, O_PATH
 * @returns undefined when it is not there or not a regular file of an image
 * @throws TsrunError ERR_BUNDLE when it is larger than 1 MiB; ERR_SYSTEM when that cannot be found out
 */
export function readRootFile(native: Native, root: number, path: string): string | undefined {
  const fd = native.openInRoot(root, path, O_PATH | O_CLOEXEC);
  const what = `read ${path} of the root file system`;
  if (ABSENT.includes(-fd)) return undefined;
  if (fd < 0) throw cannotLook(native, what, fd);
  let text: string | number | undefined;
  try {
    const stat = native.fstat(fd);
    if (typeof stat === 'number') throw cannotLook(native, what, stat);
    if ((stat.mode & S_IFMT) !== S_IFREG) return undefined;
    const type = native.fstatfsType(fd);
    if (type < 0) throw cannotLook(native, what, type);
    if (KERNEL.includes(type)) return undefined;
    text = native.readText(`/proc/self/fd/${fd}`, MAX_SIZE);
  } finally {
    native.close(fd);
  }
  if (text === -EFBIG) {
    throw new TsrunError(
      'ERR_BUNDLE',
      `cannot read ${path} of the root file system: it is larger than ${MAX_SIZE >> 20} MiB`,
      { errno: EFBIG },
    );
  }
  if (typeof text === 'string') return text;
  if (ABSENT.includes(-text)) return undefined;
  throw cannotLook(native, what, text);
}

/**
 * The same of the root of a process, as that sees it.
 *
 * @param pidfd of the process: its pid may be another's by the time that /proc is asked
 * @throws TsrunError ERR_NOT_RUNNING when it has ended; ERR_PERMISSION when the caller may not look into it
 */
export function readRootFileOf(
  native: Native,
  pid: number,
  pidfd: number,
  path: string,
): string | undefined {
  const root = native.open(`/proc/${pid}/root`, O_PATH | O_CLOEXEC, 0);
  try {
    // What lives after the look has had that pid all the time.
    if (native.pidfdKill(pidfd, 0) === -ESRCH) {
      throw new TsrunError('ERR_NOT_RUNNING', `process ${pid} of the container has ended`);
    }
    // EACCES: the right to trace it (PTRACE_MODE_READ of ptrace(2)), which joining its namespaces takes,
    // too. EPERM: a procfs with `hidepid` hides it from callers without that right.
    if (root === -EACCES || root === -EPERM) {
      throw cannotLook(native, `look into process ${pid} of the container`, root, 'ERR_PERMISSION');
    }
    if (root < 0) throw cannotLook(native, `open the root of process ${pid}`, root);
    return readRootFile(native, root, path);
  } finally {
    if (root >= 0) native.close(root);
  }
}
