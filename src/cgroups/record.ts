/** What the state of a container keeps of its cgroup. */
export interface CgroupRecord extends CgroupPlace {
  /** Who made it, and so who changes and removes it. */
  manager: 'cgroupfs' | 'systemd';
  /**
   * Its inode number, decimal. The path alone does not name it: when it is gone,
   * others may make one of that name. Numbers do not come back: the kernel's
   * have 64 bits with a generation (kernfs_node.id).
   */
  inode: string;
  /**
   * Name of the cgroup directly below it that its processes are in (systemd.resource-control(5),
   * "DelegateSubgroup="); absent when they are in it itself.
   */
  subgroup?: string;
}

export interface CgroupPlace {
  /** Its directory in the v2 hierarchy, as the host has it mounted. */
  path: string;
  /**
   * Where that is mounted, and the inode number of the cgroup that is seen there. Another mount there
   * may show another part of the hierarchy, where the path leads nowhere or to another cgroup.
   */
  hierarchy?: HierarchyRoot;
}

/** The inode number is decimal. */
export type HierarchyRoot = readonly [path: string, inode: string];

/** Where the processes go. */
export function entrance({ path, subgroup, hierarchy }: CgroupRecord): CgroupPlace {
  return {
    path: subgroup === undefined ? path : `${path}/${subgroup}`,
    ...(hierarchy && { hierarchy }),
  };
}
