/**
 * Files and descriptors. Paths are the host's. A name is that of an entry of the directory that a descriptor has
 * open: where it is a link, the link is meant and not followed (openat: with O_NOFOLLOW). Bytes are those of a name
 * from directories() or names().
 */

import type { FdOrErrno, Status } from './results.js';

export interface Stat {
  /** File type and permission bits, st_mode. */
  mode: number;
  uid: number;
  gid: number;
  /** Device of the file system that holds the file, as major and minor. */
  devMajor: number;
  devMinor: number;
  ino: bigint;
  size: number;
  /** Device numbers of a character or block device. */
  rdevMajor: number;
  rdevMinor: number;
}

export interface NativeFiles {
  open(path: string, flags: number, mode: number): FdOrErrno;
  openat(dirfd: number, name: string | Uint8Array, flags: number, mode: number): FdOrErrno;
  /** openat2 with RESOLVE_IN_ROOT: links and `..` stay below dirfd. */
  openInRoot(dirfd: number, path: string, flags: number): FdOrErrno;
  /** openat2(2) with RESOLVE_* as `resolve`. */
  openat2(dirfd: number, path: string, flags: number, resolve: number): FdOrErrno;
  close(fd: number): Status;
  /** At most `max` bytes; an empty array is the end of the file. */
  read(fd: number, max: number): Uint8Array | number;
  /** Writes everything, or fails; -EAGAIN only when nothing was written. */
  write(fd: number, data: string | Uint8Array): number;
  /** One write(2); the number of bytes taken. */
  writeSome(fd: number, data: Uint8Array): number;
  /**
   * A whole regular file as text; -EFBIG when it is longer than `max` bytes,
   * -ESPIPE for what is not a file (a fifo, a terminal ...), without waiting.
   */
  readText(path: string, max: number): string | number;
  /** As readText; -ELOOP for a link, at whichever component. */
  readTextAt(dirfd: number, name: string, max: number): string | number;
  /** The last line alone, with the newline at the end where it has one. */
  readLastLineAt(dirfd: number, name: string, max: number): string | number;
  /** open(O_WRONLY), one write, close: what kernel files want. */
  writeText(path: string, data: string): Status;
  writeTextAt(dirfd: number, path: string, data: string): Status;
  /** A new directory with exactly this mode, whatever the umask is. */
  mkdir(path: string, mode: number): Status;
  mkdirAt(dirfd: number, name: string, mode: number): Status;
  rmdir(path: string): Status;
  /** @param name from directories() */
  rmdirAt(dirfd: number, name: Uint8Array): Status;
  unlink(path: string): Status;
  /** @param flags AT_REMOVEDIR for a directory */
  unlinkAt(dirfd: number, name: string | Uint8Array, flags: number): Status;
  rename(from: string, to: string): Status;
  renameAt(
    fromDirfd: number,
    from: string | Uint8Array,
    toDirfd: number,
    to: string | Uint8Array,
  ): Status;
  linkAt(fromDirfd: number, from: string, toDirfd: number, to: string): Status;
  /** A new fifo with exactly this mode. */
  mkfifoAt(dirfd: number, name: string, mode: number): Status;
  readlink(path: string): string | number;
  /** @param name empty for a link that was opened itself (O_PATH and O_NOFOLLOW) */
  readlinkAt(dirfd: number, name: string): string | number;
  /** Absolute path without links. */
  realpath(path: string): string | number;
  chown(path: string, uid: number, gid: number): Status;
  stat(path: string): Stat | number;
  lstat(path: string): Stat | number;
  fstat(fd: number): Stat | number;
  fstatAt(dirfd: number, name: string): Stat | number;
  /** Names without `.` and `..`, unsorted. */
  readdir(path: string): string[] | number;
  /**
   * The same of the directory that a descriptor has open, as the bytes that they are, which need
   * not be UTF-8. It takes no further descriptor.
   */
  names(fd: number): Uint8Array[] | number;
  /** Those of directories alone, as the bytes that they are, which need not be UTF-8. */
  directories(path: string): Uint8Array[] | number;
  /** f_type of statfs(2). */
  statfsType(path: string): number;
  fstatfsType(fd: number): number;
  /** f_flags of fstatfs(2): ST_* of the mount and of its file system together. */
  fstatfsFlags(fd: number): number;
  /** flock(2) with LOCK_NB added by us: -EWOULDBLOCK when another holds it. */
  flock(fd: number, operation: number): Status;
  /** access(2) with AT_EACCESS. */
  access(path: string, mode: number): Status;
  /** A sealed memory file with these contents, its offset at 0. */
  memfd(name: string, data: string | Uint8Array): FdOrErrno;
  /** Both ends, reading end first. */
  pipe(): [number, number] | number;
  setNonblocking(fd: number, on: boolean): Status;
  dup(fd: number): FdOrErrno;
}
