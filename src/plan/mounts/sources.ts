/**
 * How the sources of bind mounts are opened.
 *
 * Inside a user namespace the container's root may reach less than the caller,
 * so the trees are opened before: by the parent, or by the helper where the
 * caller itself has no right to open_tree(2).
 */

import type { Places } from '../../namespaces/namespaces.js';
import { clean, isAtOrBelow } from '../path.js';
import type { RootPropagation } from '../root.js';
import type { Slots } from '../slots.js';
import { SOURCE_IN_ROOT } from '../steps.js';
import type { Slot, Step } from '../steps.js';

export type SourceMode =
  /** By path, when its turn comes. */
  | 'path'
  /** By the parent, before the clone. */
  | 'parent'
  /** By the helper, before it changes propagation and ids. */
  | 'helper';

/** @param shared the container's mounts are to be shared with the host's (rootfsPropagation) */
export function sourceMode(places: Places, privileged: boolean, shared: boolean): SourceMode {
  if (places.user !== 'own') return privileged ? 'parent' : 'helper';
  // Once the tree has been cut off the host's, a clone of it is too.
  return shared ? 'helper' : 'path';
}

/** A tree to be attached: what a `bind` step needs to know of it. */
export interface Source {
  source: string;
  slot: Slot;
  /** Propagation that has to be set first for the tree to be like one from behind the `propagation` step. */
  propagation: number;
  /** The slot of a mapping that is still to be applied. */
  idMap: Slot;
  idMapRecursive: boolean;
}

export class Sources {
  /** Steps of mode `helper`. */
  readonly openTrees: Step[] = [];
  /** Targets of the entries of `mounts` so far. */
  private readonly targets: string[] = [];

  constructor(
    private readonly mode: SourceMode,
    private readonly slots: Slots,
    private readonly root: RootPropagation,
    private readonly rootPath: string,
  ) {}

  /** The path in the container of one on the host; undefined where its text leads elsewhere. */
  inRoot(path: string): string | undefined {
    const { rootPath } = this;
    const cleaned = clean(path);
    // The helper still has the host's root, which nothing covers.
    if (rootPath === '/' || !isAtOrBelow(cleaned, rootPath)) return undefined;
    return cleaned.slice(rootPath.length) || '/';
  }

  /** Something is mounted there by an entry of `mounts`. */
  mounted(target: string): void {
    this.targets.push(target);
  }

  /**
   * A bind mount of `mounts`, which is shared with the host where rootfsPropagation is. One of a
   * mount that an earlier entry has made is opened there when its turn comes, as nothing else has it.
   */
  open(path: string, recursive: boolean, at: string, idMap: Slot, idMapRecursive: boolean): Source {
    const inside = this.inRoot(path);
    if (inside !== undefined && this.isMounted(inside, recursive)) {
      return { source: inside, slot: SOURCE_IN_ROOT, propagation: 0, idMap, idMapRecursive };
    }
    return this.make(path, recursive, at, idMap, idMapRecursive, this.root.shared);
  }

  private isMounted(path: string, recursive: boolean): boolean {
    return this.targets.some(
      (target) => isAtOrBelow(path, target) || (recursive && isAtOrBelow(target, path)),
    );
  }

  /**
   * A tree that no bind mount of `mounts` asks for, cut off the host's: what is mounted on it, by us
   * or by the container, would be mounted on the host too.
   */
  openCut(path: string, recursive: boolean, at: string): Source {
    return this.make(path, recursive, at, -1, false, false);
  }

  private make(
    path: string,
    recursive: boolean,
    at: string,
    idMap: Slot,
    idMapRecursive: boolean,
    shared: boolean,
  ): Source {
    const cut = shared ? 0 : this.root.tree;
    const plain = { source: path, propagation: 0, idMap, idMapRecursive };
    switch (this.mode) {
      case 'path':
        return { ...plain, slot: -1 };
      case 'helper': {
        const slot = this.slots.fill();
        this.openTrees.push({ op: 'open-tree', at, path, recursive, slot });
        // Opened before the helper cuts the tree off the host's only where some are not to be.
        return { ...plain, slot, propagation: this.root.shared ? cut : 0 };
      }
      case 'parent': {
        // Only who is privileged over the file system may map its ids, so not the helper.
        const mapping = idMap < 0 ? {} : { idMap, idMapRecursive };
        const slot = this.slots.input({ kind: 'tree', at, path, recursive, ...mapping });
        // The parent's clone still belongs to the host's peer groups.
        return { ...plain, slot, idMap: -1, idMapRecursive: false, propagation: cut };
      }
    }
  }
}
