/** The directory that holds the state of all containers. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  ENOENT,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  TMPFS_MAGIC,
} from '../native/constants.js';
import { cannotLook, isAbsent } from '../native/look.js';
import { WRITABLE_BY_OTHERS, openSafely } from './safe-path.js';
import type { SafeDirectory } from './safe-path.js';
import { inInitialUserNamespace, ownUid } from './user-namespace.js';

/** The user's id is behind it. */
const WITHOUT_SESSION = '/tmp/tsrun-';

/** Environment of the caller. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Its path: `/run/tsrun` for root in the initial user namespace, `$XDG_RUNTIME_DIR/tsrun`
 * for everybody else, root in a user namespace included. Without a session (cron, su, services)
 * that of another session of the user, else one below /tmp.
 *
 * @throws TsrunError ERR_STATE when it cannot be found out which of these it is
 */
export function defaultRoot(native: Native, environment: Environment): string {
  const uid = native.getuid()[1];
  if (uid === 0 && inInitialUserNamespace(native)) return '/run/tsrun';
  const runtimeDirectory = environment['XDG_RUNTIME_DIR'];
  if (runtimeDirectory !== undefined && runtimeDirectory !== '') return `${runtimeDirectory}/tsrun`;
  // Root of a user namespace may be without a login session: /run is then its own or not writable.
  if (uid === 0) return '/run/tsrun';
  const ofSession = `/run/user/${uid}`;
  const there = native.stat(ofSession);
  if (typeof there !== 'number' && there.uid === uid) return `${ofSession}/tsrun`;
  if (typeof there === 'number' && !isAbsent(there)) {
    throw cannotLook(native, `look at ${ofSession}`, there, 'ERR_STATE');
  }
  return `${WITHOUT_SESSION}${uid}`;
}

/**
 * Whether it may still be there when the machine has started anew: not on a tmpfs, as /run usually is.
 *
 * @throws TsrunError ERR_STATE when that cannot be found out
 */
export function outlivesBoot(native: Native, root: StateRoot): boolean {
  const type = native.fstatfsType(root.fd);
  if (type < 0) throw cannotLook(native, `look at ${root.path}`, type, 'ERR_STATE');
  return type !== TMPFS_MAGIC;
}

/**
 * Opened once for a command, and everything below it is reached by its descriptor: what is in the
 * states, hooks above all, is done with the caller's rights, so nobody may put another directory in
 * its place.
 */
export class StateRoot {
  /** The id of this boot, once it has been read (boot.ts). */
  boot: string | undefined;

  private constructor(
    private readonly native: Native,
    /** Absolute, as it was given: for messages, and for those who are told of a container's directory. */
    readonly path: string,
    private opened: SafeDirectory,
  ) {}

  /**
   * It need not be there.
   *
   * @param path absolute
   * @throws TsrunError ERR_STATE when others can change it, or a directory above it
   */
  static open(native: Native, path: string): StateRoot {
    return new StateRoot(native, path, openSafely(native, path, false));
  }

  /** Of O_PATH; -ENOENT when it is not there. */
  get fd(): number {
    return this.opened.fd;
  }

  /**
   * Makes the directory, and those above it, where they are missing.
   *
   * @throws TsrunError ERR_STATE
   */
  make(): void {
    if (this.fd < 0) this.opened = openSafely(this.native, this.path, true);
  }

  /** Others may make directories in it (a sticky one). */
  get isShared(): boolean {
    return this.opened.shared;
  }

  /** One in it, whoever made that; a negated errno when there is none. */
  openDirectory(name: string, access: number): number {
    if (this.fd < 0) return this.fd;
    const flags = access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    return this.native.openat(this.fd, name, flags, 0);
  }

  /**
   * The directory of a container, for the *at calls.
   *
   * @returns a negated errno when there is none
   * @throws TsrunError ERR_STATE when it is another user's, which it can be where all may make some
   */
  openContainer(id: string, access = O_PATH): number {
    const { native } = this;
    const fd = this.openDirectory(id, access);
    if (fd < 0 || !this.opened.shared) return fd;
    const stat = native.fstat(fd);
    if (typeof stat !== 'number') {
      const trusted = stat.uid === ownUid(native) || stat.uid === 0;
      if (trusted && (stat.mode & WRITABLE_BY_OTHERS) === 0) return fd;
    }
    native.close(fd);
    if (typeof stat === 'number') return stat;
    throw new TsrunError(
      'ERR_STATE',
      `cannot use ${this.path}/${id}: it belongs to another user, or can be changed by others`,
    );
  }

  close(): void {
    if (this.fd >= 0) this.native.close(this.fd);
    this.opened = { fd: -ENOENT, shared: false };
  }
}
