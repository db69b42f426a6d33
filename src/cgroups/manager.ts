/**
 * What the rest of tsrun does with a container's cgroup, whoever manages it.
 * Where the cgroup is: mount.ts and path.ts. Device rules: devices/.
 */

export { closeCgroup, createCgroup, undoCreate } from './create.js';
export type { Cgroup, CgroupRequest } from './create.js';
export { isFrozen, isPopulated, isThere, waitEmpty } from './events.js';
export { killAll, mayMove, moveInto, procs } from './processes.js';
export { makeThreaded } from './threaded.js';
export { entrance } from './record.js';
export type { CgroupRecord } from './record.js';
export { removeCgroup } from './remove.js';
