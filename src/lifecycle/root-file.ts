/** Reads a small file of the container's root file system, from outside, safely. */

import { cannotLook } from '../native/look.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EFBIG,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOMEM,
  O_CLOEXEC,
  O_PATH,
  PROC_SUPER_MAGIC,
  SYSFS_MAGIC,
  S_IFMT,
  S_IFREG,
} from '../native/constants.js';

/** An image's /etc/passwd may be anything (security.md row 19): nobody needs more than this. */
const MAX_SIZE = 1 << 20;

/** Whose cause is not the image. */
const SHORTAGES: readonly number[] = [EMFILE, ENFILE, ENOMEM];

const KERNEL: readonly number[] = [PROC_SUPER_MAGIC, SYSFS_MAGIC];

/**
 * Links are followed inside the root only, and nothing but a regular file is
 * opened: a fifo of the image would wait for ever, and to open a device of the
 * host is to use it (tty_open(), a tape that rewinds). So is to read some files of
 * the kernel, which a container may mount there: /proc/kmsg loses what was read.
 *
 * @param root the root file system, O_PATH
 * @returns undefined when it is not there or not a regular file of an image, which any errno says
 *   that an image can bring about
 * @throws TsrunError ERR_BUNDLE when it is larger than 1 MiB; ERR_SYSTEM for want of memory or
 *   descriptors
 */
export function readRootFile(native: Native, root: number, path: string): string | undefined {
  const fd = native.openInRoot(root, path, O_PATH | O_CLOEXEC);
  const what = `read ${path} of the root file system`;
  if (SHORTAGES.includes(-fd)) throw cannotLook(native, what, fd);
  if (fd < 0) return undefined;
  const stat = native.fstat(fd);
  const regular =
    typeof stat !== 'number' &&
    (stat.mode & S_IFMT) === S_IFREG &&
    !KERNEL.includes(native.fstatfsType(fd));
  const text = regular ? native.readText(`/proc/self/fd/${fd}`, MAX_SIZE) : -EINVAL;
  native.close(fd);
  if (text === -EFBIG) {
    throw new TsrunError(
      'ERR_BUNDLE',
      `cannot read ${path} of the root file system: it is larger than ${MAX_SIZE >> 20} MiB`,
      { errno: EFBIG },
    );
  }
  if (typeof text === 'string') return text;
  if (SHORTAGES.includes(-text)) throw cannotLook(native, what, text);
  return undefined;
}

/** The same of the root of a process, as that sees it. */
export function readRootFileOf(native: Native, pid: number, path: string): string | undefined {
  const root = native.open(`/proc/${pid}/root`, O_PATH | O_CLOEXEC, 0);
  if (SHORTAGES.includes(-root)) throw cannotLook(native, `open the root of process ${pid}`, root);
  if (root < 0) return undefined;
  try {
    return readRootFile(native, root, path);
  } finally {
    native.close(root);
  }
}
