/** src/native/types/files.ts on the fake system. */

import {
  AT_REMOVEDIR,
  EBADF,
  EFBIG,
  EINVAL,
  ENOENT,
  ENOTDIR,
  CGROUP2_SUPER_MAGIC,
  NSFS_MAGIC,
  PROC_SUPER_MAGIC,
  TMPFS_MAGIC,
} from '../../../src/native/constants.js';
import { bytes, ascii } from '../bytes.js';
import { CGROUP_ROOT } from '../cgroups.js';
import { statOf } from '../files.js';
import type { FakeNode } from '../files.js';
import type { FakeSystem } from '../system.js';
import type { NativeFiles } from '../../../src/native/types/files.js';

export function fakeNativeFiles(system: FakeSystem): NativeFiles {
  const { files, cgroups, fds, descriptors } = system;
  const stat = (node: FakeNode | undefined) => (node === undefined ? -ENOENT : statOf(node));
  const readText = (path: string, max: number): string | number => {
    const found = files.follow(path);
    if (found === undefined) return -ENOENT;
    return found.node.content.length > max ? -EFBIG : found.node.content;
  };
  const writeText = (path: string, text: string): number => {
    const found = files.follow(path);
    if (found === undefined) return -ENOENT;
    found.node.content = text;
    found.node.written?.(text);
    return 0;
  };
  const readdir = (path: string): string[] | number => {
    return files.list(path) ?? (files.get(path) === undefined ? -ENOENT : -ENOTDIR);
  };
  const readlink = (path: string): string | number => {
    const fd = /^\/proc\/self\/fd\/(\d+)$/.exec(path)?.[1];
    if (fd !== undefined) return files.pathOf(Number(fd)) ?? -ENOENT;
    if (path === '/proc/self') return '1';
    const node = files.get(path);
    return node?.type === 'link' ? node.content : -EINVAL;
  };

  return {
    open: (path, flags, mode) => descriptors.openPath(path, flags, mode),
    openat: (fd, name, flags, mode) =>
      descriptors.openPath(descriptors.pathAt(fd, name), flags, mode),
    openInRoot: () => -ENOENT,
    openat2: (fd, path, flags) => descriptors.openPath(descriptors.pathAt(fd, path), flags, 0),
    close: (fd) => (fds.delete(fd) ? 0 : -EBADF),
    read: (fd, max) => descriptors.read(fd, max),
    write: (fd, data) => descriptors.write(fd, data),
    writeSome: (fd, data) => descriptors.write(fd, data),
    readText,
    readLastLineAt: (fd, name, max) => {
      const text = readText(descriptors.pathAt(fd, name), max);
      if (typeof text === 'number' || text.length < 2) return text;
      return text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
    },
    readTextAt: (fd, name, max) => readText(descriptors.pathAt(fd, name), max),
    writeText,
    writeTextAt: (fd, name, text) => writeText(descriptors.pathAt(fd, name), text),
    mkdir: (path, mode) => cgroups.mkdir(path, mode),
    mkdirAt: (fd, name, mode) => cgroups.mkdir(descriptors.pathAt(fd, name), mode),
    rmdir: (path) => cgroups.remove(path),
    rmdirAt: (fd, name) => cgroups.remove(`${files.pathOf(fd) ?? ''}/${ascii(name)}`),
    directories: (path) => {
      const names = files.list(path) ?? [];
      return names.filter((name) => files.get(`${path}/${name}`)?.type === 'directory').map(bytes);
    },
    unlink: (path) => files.remove(path),
    unlinkAt: (fd, name, flags) => {
      const path = descriptors.pathAt(fd, name);
      return (flags & AT_REMOVEDIR) === 0 ? files.remove(path) : cgroups.remove(path);
    },
    rename: (from, to) => files.rename(from, to),
    renameAt: (fromFd, from, toFd, to) =>
      files.rename(descriptors.pathAt(fromFd, from), descriptors.pathAt(toFd, to)),
    linkAt: (fromFd, from, toFd, to) => {
      const node = files.get(descriptors.pathAt(fromFd, from));
      return node === undefined ? -ENOENT : files.add(descriptors.pathAt(toFd, to), node);
    },
    mkfifoAt: (fd, name, mode) => files.add(descriptors.pathAt(fd, name), files.node('fifo', mode)),
    readlink,
    readlinkAt: (fd, name) => readlink(descriptors.pathAt(fd, name)),
    realpath: (path) => files.follow(path)?.path ?? -ENOENT,
    chown: (path, uid, gid) => {
      const found = files.follow(path);
      if (found === undefined) return -ENOENT;
      if (uid !== -1) found.node.uid = uid;
      if (gid !== -1) found.node.gid = gid;
      return 0;
    },
    stat: (path) => stat(files.follow(path)?.node),
    lstat: (path) => stat(files.get(path)),
    fstat: (fd) => stat(descriptors.nodeOf(fd)),
    fstatAt: (fd, name) => stat(files.get(descriptors.pathAt(fd, name))),
    names: (fd) => {
      const names = readdir(descriptors.pathAt(fd, ''));
      return typeof names === 'number' ? names : names.map(bytes);
    },
    readdir,
    statfsType: (path) => {
      if (files.get(path) === undefined) return -ENOENT;
      if (`${path}/`.startsWith(`${CGROUP_ROOT}/`)) return CGROUP2_SUPER_MAGIC;
      return path === '/proc' ? PROC_SUPER_MAGIC : 0;
    },
    fstatfsType: (fd) => {
      const path = descriptors.pathAt(fd, '');
      if (`${path}/`.startsWith(`${CGROUP_ROOT}/`)) return CGROUP2_SUPER_MAGIC;
      return path.startsWith('/run/') ? TMPFS_MAGIC : NSFS_MAGIC;
    },
    fstatfsFlags: () => 0,
    flock: (fd, operation) => descriptors.flock(fd, operation),
    access: (path) => (files.follow(path) === undefined ? -ENOENT : 0),
    memfd: (_name, data) =>
      descriptors.open({ kind: 'other', content: typeof data === 'string' ? data : '' }),
    pipe: () => [descriptors.openOther(), descriptors.openOther()],
    setNonblocking: () => 0,
    dup: (fd) => {
      const open = fds.get(fd);
      return open === undefined ? -EBADF : descriptors.open(open);
    },
  };
}
