/** The file tree of the fake system (system.ts): paths to nodes, without link resolution in between. */

import type { Stat } from '../../src/native/types.js';
import {
  EEXIST,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from '../../src/native/constants.js';

export interface FakeNode {
  type: 'directory' | 'file' | 'fifo' | 'link' | 'socket';
  mode: number;
  uid: number;
  gid: number;
  ino: bigint;
  /** Of a file; a link's target. */
  content: string;
  /** Made by the kernel: does not keep its directory from being removed. */
  kernel: boolean;
  /** Called after each write. */
  written?: (content: string) => void;
}

const TYPE_BITS = {
  directory: S_IFDIR,
  file: S_IFREG,
  fifo: S_IFIFO,
  link: S_IFLNK,
  socket: S_IFSOCK,
} as const;

export class FakeFiles {
  /** Path of what a descriptor has open, for /proc/self/fd. */
  pathOf: (fd: number) => string | undefined = () => undefined;
  private readonly nodes = new Map<string, FakeNode>();
  private nextIno = 1000n;

  constructor() {
    this.nodes.set('/', this.node('directory', 0o755));
  }

  node(type: FakeNode['type'], mode: number, content = ''): FakeNode {
    return { type, mode, uid: 0, gid: 0, ino: this.nextIno++, content, kernel: false };
  }

  get(path: string): FakeNode | undefined {
    return this.nodes.get(this.normal(path));
  }

  /** Follows a link that is the last part. */
  follow(path: string): { path: string; node: FakeNode } | undefined {
    let at = this.normal(path);
    for (let hops = 0; hops < 8; hops++) {
      const node = this.nodes.get(at);
      if (node === undefined) return undefined;
      if (node.type !== 'link') return { path: at, node };
      at = this.normal(node.content);
    }
    return undefined;
  }

  /** Makes a node with all its parents, for setting a scene. */
  put(path: string, type: FakeNode['type'] = 'file', content = ''): FakeNode {
    const at = this.normal(path);
    const slash = at.lastIndexOf('/');
    if (slash > 0 && this.nodes.get(at.slice(0, slash)) === undefined) {
      this.put(at.slice(0, slash), 'directory');
    }
    const node = this.node(type, type === 'directory' ? 0o755 : 0o644, content);
    this.nodes.set(at, node);
    return node;
  }

  /** @returns 0 or a negated errno */
  add(path: string, node: FakeNode): number {
    const at = this.normal(path);
    if (this.nodes.has(at)) return -EEXIST;
    const parent = this.nodes.get(parentOf(at));
    if (parent === undefined) return -ENOENT;
    if (parent.type !== 'directory') return -ENOTDIR;
    this.nodes.set(at, node);
    return 0;
  }

  remove(path: string): number {
    const at = this.normal(path);
    const node = this.nodes.get(at);
    if (node === undefined) return -ENOENT;
    if (node.type === 'directory') return -EISDIR;
    this.nodes.delete(at);
    return 0;
  }

  removeDirectory(path: string): number {
    const at = this.normal(path);
    const node = this.nodes.get(at);
    if (node === undefined) return -ENOENT;
    if (node.type !== 'directory') return -ENOTDIR;
    const below = [...this.nodes.keys()].filter((other) => other.startsWith(`${at}/`));
    if (below.some((other) => this.nodes.get(other)?.kernel === false)) return -ENOTEMPTY;
    for (const other of below) this.nodes.delete(other);
    this.nodes.delete(at);
    return 0;
  }

  rename(from: string, to: string): number {
    const node = this.nodes.get(this.normal(from));
    if (node === undefined) return -ENOENT;
    const target = this.normal(to);
    if (this.nodes.get(parentOf(target)) === undefined) return -ENOENT;
    if (this.nodes.get(target)?.type === 'directory') return -EISDIR;
    this.nodes.delete(this.normal(from));
    this.nodes.set(target, node);
    return 0;
  }

  list(path: string): string[] | undefined {
    const at = this.normal(path);
    if (this.nodes.get(at)?.type !== 'directory') return undefined;
    const prefix = at === '/' ? '/' : `${at}/`;
    const names: string[] = [];
    for (const other of this.nodes.keys()) {
      const rest = other.slice(prefix.length);
      if (other.startsWith(prefix) && rest !== '' && !rest.includes('/')) names.push(rest);
    }
    return names;
  }

  /** Every path that the kernel did not make, sorted: what a test compares before and after. */
  paths(): string[] {
    return [...this.nodes].flatMap(([path, node]) => (node.kernel ? [] : [path])).sort();
  }

  private normal(path: string): string {
    const fd = /^\/proc\/self\/fd\/(\d+)(?=\/|$)/.exec(path);
    const open = fd === null ? undefined : this.pathOf(Number(fd[1]));
    const whole = fd === null || open === undefined ? path : open + path.slice(fd[0].length);
    const trimmed = whole.replace(/\/+/g, '/').replace(/\/$/, '');
    return trimmed === '' ? '/' : trimmed;
  }
}

export function statOf(node: FakeNode): Stat {
  return {
    mode: node.mode | TYPE_BITS[node.type],
    uid: node.uid,
    gid: node.gid,
    devMajor: 0,
    devMinor: 1,
    ino: node.ino,
    size: node.content.length,
    rdevMajor: 0,
    rdevMinor: 0,
  };
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}
