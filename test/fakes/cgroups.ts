/** The cgroup v2 hierarchy of the fake system (system.ts): which processes are where, as its files say. */

import type { FakeFiles, FakeNode } from './files.js';
import { EBUSY } from '../../src/native/constants.js';

/** Where it is mounted. */
export const CGROUP_ROOT = '/sys/fs/cgroup';

export class FakeCgroups {
  private readonly byPath = new Map<string, number[]>();

  constructor(
    private readonly files: FakeFiles,
    /** Ends a process. */
    private readonly end: (pid: number) => void,
  ) {
    files.put(CGROUP_ROOT, 'directory');
  }

  /** A new directory anywhere, which may be a cgroup. */
  mkdir(path: string, mode: number): number {
    const added = this.files.add(path, this.files.node('directory', mode));
    if (added === 0) this.made(path);
    return added;
  }

  /** Gives a directory that was made the files of a cgroup, where it is one. */
  private made(path: string): void {
    if (!path.startsWith(`${CGROUP_ROOT}/`)) return;
    const file = (name: string, content: string): FakeNode => {
      const node = this.files.put(`${path}/${name}`, 'file', content);
      node.kernel = true;
      return node;
    };
    file('cgroup.procs', '').written = (pid) => {
      this.enter(path, Number(pid));
    };
    file('cgroup.subtree_control', '');
    file('cgroup.events', 'populated 0\nfrozen 0\n');
    file('cgroup.freeze', '0\n');
    file('cgroup.stat', 'nr_descendants 0\n');
    file('cgroup.kill', '').written = () => {
      this.kill(path);
    };
    this.tell();
  }

  /** Ends all that is in it and below it. */
  kill(path: string): void {
    for (const cgroup of [path, ...this.below(path)]) this.members(cgroup).forEach(this.end);
  }

  /** Moves a process. */
  enter(path: string, pid: number): void {
    this.leave(pid);
    this.setMembers(path, [...this.members(path), pid]);
  }

  /** Where a process is. */
  of(pid: number): string | undefined {
    return [...this.byPath].find(([, pids]) => pids.includes(pid))?.[0];
  }

  leave(pid: number): void {
    for (const [path, pids] of this.byPath) {
      if (pids.includes(pid)) {
        this.setMembers(
          path,
          pids.filter((member) => member !== pid),
        );
      }
    }
  }

  members(path: string): readonly number[] {
    return this.byPath.get(path) ?? [];
  }

  /** rmdir(2) */
  remove(path: string): number {
    const inUse = this.members(path).length > 0 || this.below(path).length > 0;
    if (path.startsWith(`${CGROUP_ROOT}/`) && inUse) return -EBUSY;
    const removed = this.files.removeDirectory(path);
    if (removed === 0) this.byPath.delete(path);
    this.tell();
    return removed;
  }

  private setMembers(path: string, pids: number[]): void {
    this.byPath.set(path, pids);
    const procs = this.files.get(`${path}/cgroup.procs`);
    if (procs !== undefined) procs.content = pids.map((pid) => `${pid}\n`).join('');
    this.tell();
  }

  private below(path: string): string[] {
    return this.files
      .paths()
      .filter((at) => at.startsWith(`${path}/`) && this.files.list(at) !== undefined);
  }

  /** What the files say of those below too. */
  private tell(): void {
    for (const path of this.below(CGROUP_ROOT)) {
      const below = this.below(path);
      const populated = [path, ...below].some((at) => this.members(at).length > 0);
      const events = this.files.get(`${path}/cgroup.events`);
      if (events !== undefined) events.content = `populated ${populated ? 1 : 0}\nfrozen 0\n`;
      const stat = this.files.get(`${path}/cgroup.stat`);
      if (stat !== undefined) stat.content = `nr_descendants ${below.length}\n`;
    }
  }
}
