/** The descriptors of the fake system (system.ts). */

import {
  AT_FDCWD,
  EBADF,
  EEXIST,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EWOULDBLOCK,
  LOCK_EX,
  LOCK_UN,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
} from '../../src/native/constants.js';
import { bytes, ascii } from './bytes.js';
import { parentOf } from './files.js';
import type { FakeNode } from './files.js';
import type { Helper } from './helpers.js';
import type { FakeProcess } from './processes.js';
import type { FakeSystem } from './system.js';

export type Fd =
  | { kind: 'node'; path: string; node: FakeNode; offset: number; lock: number }
  | { kind: 'pidfd'; process: FakeProcess }
  | { kind: 'socket'; helper: Helper }
  | { kind: 'gate'; said: string }
  | { kind: 'other'; content: string };

export class FakeDescriptors {
  readonly fds = new Map<number, Fd>();
  private nextFd = 10;

  constructor(private readonly system: FakeSystem) {}

  open(fd: Fd): number {
    const number = this.nextFd++;
    this.fds.set(number, fd);
    return number;
  }

  /** One that says nothing. */
  openOther(): number {
    return this.open({ kind: 'other', content: '' });
  }

  openPath(path: string, flags: number, mode: number): number {
    const itself = this.system.files.get(path);
    if (itself?.type === 'link' && (flags & O_NOFOLLOW) !== 0) {
      if ((flags & O_PATH) === 0) return -ELOOP;
      return this.open({ kind: 'node', path, node: itself, offset: 0, lock: 0 });
    }
    const found = this.system.files.follow(path);
    if (found === undefined) {
      if ((flags & O_CREAT) === 0) return -ENOENT;
      const node = this.system.files.node('file', mode);
      const added = this.system.files.add(path, node);
      return added < 0 ? added : this.open({ kind: 'node', path, node, offset: 0, lock: 0 });
    }
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if ((flags & O_DIRECTORY) !== 0 && found.node.type !== 'directory') return -ENOTDIR;
    if ((flags & O_TRUNC) !== 0) found.node.content = '';
    if (found.node.type === 'fifo' && (flags & 3) === 0) {
      const unread = this.system.passes === 'neither' ? '0' : '';
      const said = path.endsWith('exec.fifo') ? unread : this.system.gateSays;
      return this.open({ kind: 'gate', said });
    }
    if (found.node.type === 'fifo' && (flags & 3) === O_WRONLY && !this.isRead(found.node)) {
      return -ENXIO;
    }
    return this.open({ kind: 'node', ...found, offset: 0, lock: 0 });
  }

  private isRead(fifo: FakeNode): boolean {
    const reader = this.system.table.readers.get(fifo);
    return reader !== undefined && reader.exit === undefined;
  }

  read(number: number, max: number): Uint8Array | number {
    const fd = this.fds.get(number);
    switch (fd?.kind) {
      case 'node': {
        const part = fd.node.content.slice(fd.offset, fd.offset + max);
        fd.offset += part.length;
        return bytes(part);
      }
      case 'gate': {
        const { said } = fd;
        fd.said = '';
        return bytes(said);
      }
      case 'other':
        return bytes('');
      default:
        return -EBADF;
    }
  }

  write(number: number, data: string | Uint8Array): number {
    const fd = this.fds.get(number);
    if (fd === undefined) return -EBADF;
    if (fd.kind === 'node') {
      const text = typeof data === 'string' ? data : String.fromCharCode(...data);
      fd.node.content += text;
      const reader = this.system.table.readers.get(fd.node);
      if (reader !== undefined) {
        if (this.system.passes === 'both') reader.helper = false;
        else reader.state = 'Z';
        this.system.table.show(reader);
      }
    }
    return data.length;
  }

  flock(number: number, operation: number): number {
    const fd = this.fds.get(number);
    if (fd?.kind !== 'node') return -EBADF;
    if (operation === LOCK_UN) {
      fd.lock = 0;
      return 0;
    }
    for (const other of this.fds.values()) {
      if (other === fd || other.kind !== 'node' || other.node !== fd.node) continue;
      if (other.lock === LOCK_EX || (other.lock !== 0 && operation === LOCK_EX)) {
        return -EWOULDBLOCK;
      }
    }
    fd.lock = operation;
    return 0;
  }

  nodeOf(fd: number): FakeNode | undefined {
    const open = this.fds.get(fd);
    return open?.kind === 'node' ? open.node : undefined;
  }

  /** Path of an entry of the directory that a descriptor has open. */
  pathAt(fd: number, name: string | Uint8Array): string {
    const entry = typeof name === 'string' ? name : ascii(name);
    if (fd === AT_FDCWD || entry.startsWith('/')) return entry;
    const directory = this.system.files.pathOf(fd) ?? '/nowhere';
    if (entry === '' || entry === '.') return directory;
    return entry === '..' ? parentOf(directory) : `${directory}/${entry}`;
  }
}
