/** Why a cgroup has no file of some name: what to tell a person who wants a limit. */

import { TsrunError } from '../../errors.js';
import { EBUSY } from '../../native/constants.js';
import type { Native } from '../../native/types.js';
import { v1Mounts } from '../mount.js';
import { controllersIn } from './enable.js';
import type { Refusal } from './enable.js';
import { controllerOf } from './write.js';

/** What v1 calls a controller of v2, where the names differ. */
const V1_NAME: Readonly<Record<string, string>> = { io: 'blkio' };

const FILE_MAX = 4096;

/** @param refusals of enableControllers() */
export function whyMissing(
  native: Native,
  root: string,
  directory: string,
  file: string,
  refusals: ReadonlyMap<string, Refusal>,
): string {
  try {
    return explain(native, root, directory, file, refusals);
  } catch (error) {
    // Nothing goes on from this: it is the end of an error's message.
    if (error instanceof TsrunError) return error.message;
    throw error;
  }
}

function explain(
  native: Native,
  root: string,
  directory: string,
  file: string,
  refusals: ReadonlyMap<string, Refusal>,
): string {
  const name = controllerOf(file);
  if (name === 'cgroup') return 'this kernel has no such file';
  if (controllersIn(native, directory).includes(name)) {
    return `the controller ${name} of this kernel has no file of that name`;
  }
  if (!controllersIn(native, root).includes(name)) return notInV2(native, name);
  const refusal = refusals.get(name);
  const type = native.readText(`${directory}/cgroup.type`, FILE_MAX);
  const threaded =
    typeof type === 'string' && type !== 'domain\n' ? `; the cgroup is of type ${type.trim()}` : '';
  if (refusal === undefined) return `the controller ${name} is not enabled in it${threaded}`;
  const busy = refusal.errno === EBUSY ? ' (processes are in that cgroup itself)' : '';
  return (
    `the controller ${name} cannot be enabled in ${refusal.file}: ` +
    `${native.strerror(refusal.errno)}${busy}${threaded}`
  );
}

/** A controller is in one hierarchy only: that of v2, or one of v1. */
export function notInV2(native: Native, name: string): string {
  const v1 = V1_NAME[name] ?? name;
  const place = v1Mounts(native).get(v1);
  if (place === undefined) {
    return `the cgroup v2 hierarchy of this host has no controller ${name}`;
  }
  return (
    `the controller ${name} of this host is in the cgroup v1 hierarchy ${place}, and tsrun uses v2 only: ` +
    `boot with systemd.unified_cgroup_hierarchy=1, or with cgroup_no_v1=${v1}`
  );
}
