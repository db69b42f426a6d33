/** What the state of a container keeps of its cgroup. */
export interface CgroupRecord {
  /** Who made it, and so who changes and removes it. */
  manager: 'cgroupfs';
  /** Its directory in the v2 hierarchy, as the host has it mounted. */
  path: string;
}
