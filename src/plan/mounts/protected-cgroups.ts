/**
 * Mounts of cgroups that the container must not write to, or not to all of their files. What protects
 * them follows the mount: a later entry of `mounts` may reach it by the name of a directory above,
 * or by any name that a link of the image leads from.
 */

import { MS_PRIVATE, MS_REC, MS_UNBINDABLE } from '../../native/constants.js';
import { unsupported } from '../invalid.js';
import { isAtOrBelow } from '../path.js';
import type { CgroupContext } from './cgroup.js';
import { staysReadOnly } from './cgroup.js';
import { NO_CHANGE } from './kept.js';
import type { Change, KeptMounts, Placed } from './kept.js';

export interface ProtectedCgroup {
  placed: Placed;
  /** What protects the mount, to be done once more. */
  protection: Change;
  /** Other mounts belong to it: those of its tree, and those that hide files. */
  recursive: boolean;
  /** MS_* of the propagation options of its entry. */
  propagation: readonly number[];
  /** The container's own part, which is another mount. */
  own?: string;
}

export class ProtectedCgroups {
  private readonly mounts = new Map<Placed, ProtectedCgroup>();

  constructor(
    private readonly context: CgroupContext,
    private readonly kept: KeptMounts,
    private readonly warnings: string[],
  ) {}

  add(mount: ProtectedCgroup): void {
    this.mounts.set(mount.placed, mount);
  }

  has(placed: Placed): boolean {
    return this.mounts.has(placed);
  }

  /** Steps after an entry that has made a mount writable, and with `recursive` those below it. */
  protectAgain(at: string, target: string, recursive: boolean): Change[] {
    const reason = this.reason();
    if (reason === undefined) return [];
    return [...this.mounts.values()].map(({ placed, protection }) => {
      if (recursive && isAtOrBelow(placed.target, target)) {
        this.warnings.push(`${at}: ${placed.target} stays as it is, since ${reason}`);
      }
      return this.later(placed, { ...protection, at });
    });
  }

  /**
   * Steps before and after a bind mount whose source may lead to one of them. A clone is another
   * mount, with other attributes, and may lack the mounts that hide files: so there is none.
   *
   * @param source its path in the container, if it is there
   * @throws TsrunError ERR_UNSUPPORTED where it certainly leads there
   */
  withoutClones(at: string, source: string | undefined): { before: Change[]; after: Change[] } {
    const before: Change[] = [];
    const after: Change[] = [];
    const reason = this.reason();
    if (reason === undefined) return { before, after };
    for (const { placed, recursive, propagation, own } of this.mounts.values()) {
      const { target } = placed;
      const isOwn = source !== undefined && own !== undefined && isAtOrBelow(source, own);
      if (source !== undefined && isAtOrBelow(source, target) && !isOwn) {
        throw unsupported(`${at}/source`, `cannot be part of ${target}, since ${reason}`);
      }
      const all = recursive ? MS_REC : 0;
      const change = (flags: number): Change =>
        this.later(placed, {
          op: 'remount',
          at,
          mount: -1,
          ...NO_CHANGE,
          target,
          propagation: flags,
        });
      before.push(change(MS_UNBINDABLE | all));
      after.push(...(propagation.length > 0 ? propagation : [MS_PRIVATE | all]).map(change));
    }
    return { before, after };
  }

  private reason(): string | undefined {
    return this.mounts.size === 0 ? undefined : staysReadOnly(this.context);
  }

  private later(placed: Placed, change: Change): Change {
    this.kept.keep(placed, [change], true);
    return change;
  }
}
