/**
 * Opening a directory that nobody but the effective user and root can exchange, or change what is in
 * it. Each directory on the way is opened by its name in the one before and looked at by its
 * descriptor, so that what was looked at is what is used.
 */

import type { Native, Stat } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EEXIST,
  ELOOP,
  ENOENT,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../native/constants.js';
import { OVERFLOW_UID, inInitialUserNamespace, ownUid } from './user-namespace.js';

export const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/** MAXSYMLINKS of the kernel. */
const MAX_LINKS = 40;

/** They belong to the machine's root (hier(7)), even where the user namespace does not map it. */
const SYSTEM_DIRECTORIES: readonly string[] = [
  ...['/', '/run', '/run/user', '/tmp', '/home', '/mnt', '/opt', '/root', '/srv', '/usr'],
  ...['/var', '/var/home', '/var/lib', '/var/run', '/var/tmp'],
];

export interface SafeDirectory {
  /** Of O_PATH; -ENOENT when it is not there. */
  fd: number;
  /** Others can make what is not in it yet: it is sticky. */
  shared: boolean;
}

/**
 * @param path absolute; links in it are followed where nobody else can have made them
 * @param make whether what is missing of it is made, for the effective user alone
 * @throws TsrunError ERR_STATE, with the directory that others may change
 */
export function openSafely(native: Native, path: string, make: boolean): SafeDirectory {
  const walk = new Walk(native, path, make);
  try {
    return walk.open();
  } catch (error) {
    walk.close();
    throw error;
  }
}

class Walk {
  private at = -1;
  /** Path of that, without links; empty for `/`. */
  private where = '';
  private links = 0;
  private shared = false;
  private readonly ahead: string[];
  private readonly ours: number | undefined;

  constructor(
    private readonly native: Native,
    private readonly path: string,
    private readonly make: boolean,
  ) {
    this.ahead = path.split('/').reverse();
    this.ours = ownUid(native);
  }

  close(): void {
    if (this.at >= 0) this.native.close(this.at);
    this.at = -1;
  }

  open(): SafeDirectory {
    this.restart();
    for (;;) {
      const name = this.ahead.pop();
      if (name === undefined) return { fd: this.at, shared: this.shared };
      if (name === '' || name === '.') continue;
      const next = this.openNext(name);
      if (next === -ENOENT) {
        this.close();
        return { fd: next, shared: false };
      }
      this.enter(name, next);
    }
  }

  private restart(): void {
    const root = this.native.open('/', O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (root < 0) throw this.cannot('open', '/', root);
    this.close();
    this.at = root;
    this.where = '';
    this.check(this.native.fstat(root), '/');
  }

  private openNext(name: string): number {
    const { native } = this;
    const open = (): number => native.openat(this.at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    let next = open();
    if (next === -ENOENT && this.make) {
      const made = native.mkdirAt(this.at, name, 0o700);
      if (made < 0 && made !== -EEXIST) throw this.cannot('make', this.below(name), made);
      next = open();
    }
    if (next < 0 && next !== -ENOENT) throw this.cannot('open', this.below(name), next);
    return next;
  }

  /** @param next is this walk's from now on */
  private enter(name: string, next: number): void {
    const { native } = this;
    const directory = this.below(name);
    try {
      const stat = native.fstat(next);
      if (this.check(stat, directory) === S_IFDIR) {
        this.close();
        this.at = next;
        this.where = directory;
        return;
      }
    } catch (error) {
      native.close(next);
      throw error;
    }
    const target = native.readlinkAt(next, '');
    native.close(next);
    if (typeof target === 'number') throw this.cannot('read the link', directory, target);
    if (++this.links > MAX_LINKS) throw this.cannot('open', directory, -ELOOP);
    if (target.startsWith('/')) this.restart();
    this.ahead.push(...target.split('/').reverse());
  }

  private below(name: string): string {
    if (name !== '..') return `${this.where}/${name}`;
    return this.where.slice(0, Math.max(0, this.where.lastIndexOf('/')));
  }

  /** @returns S_IFDIR, or S_IFLNK for a link that may be followed */
  private check(stat: Stat | number, directory: string): number {
    if (typeof stat === 'number') throw this.cannot('look at', directory, stat);
    const { mode, uid } = stat;
    const type = mode & S_IFMT;
    if (type !== S_IFDIR && type !== S_IFLNK) throw this.refused(directory, 'is not a directory');
    const trusted =
      uid === 0 ||
      uid === this.ours ||
      (uid === OVERFLOW_UID &&
        SYSTEM_DIRECTORIES.includes(directory === '' ? '/' : directory) &&
        !inInitialUserNamespace(this.native));
    if (!trusted) throw this.refused(directory, `belongs to another user (${uid})`);
    // In a sticky directory others cannot exchange what is not theirs (inode(7)).
    this.shared = type === S_IFDIR && (mode & WRITABLE_BY_OTHERS) !== 0;
    if (this.shared && (mode & STICKY) === 0) {
      const octal = (mode & 0o7777).toString(8).padStart(4, '0');
      throw this.refused(directory, `can be changed by others (mode ${octal})`);
    }
    return type;
  }

  private refused(directory: string, why: string): TsrunError {
    return new TsrunError(
      'ERR_STATE',
      `cannot use state directory ${this.path}: ${directory === '' ? '/' : directory} ${why}`,
    );
  }

  private cannot(doing: string, directory: string, error: number): TsrunError {
    const what = directory === this.path ? '' : `: ${directory}`;
    return new TsrunError(
      'ERR_STATE',
      `cannot ${doing} state directory ${this.path}${what}: ${this.native.strerror(-error)}`,
      { errno: -error },
    );
  }
}
