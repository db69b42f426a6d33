/** `update`: other limits for a container that is there. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { replacementProgram } from '../cgroups/devices/program.js';
import { replaceDevices } from '../cgroups/devices/replace.js';
import { deviceRules, deviceRuleWarnings } from '../cgroups/devices/rules.js';
import { applyLimits, applyToBoth, requireFiles, withLost } from '../cgroups/limits/apply.js';
import type { Applied, LimitTarget } from '../cgroups/limits/apply.js';
import { compileLimits } from '../cgroups/limits/compile.js';
import { checkUsage } from '../cgroups/limits/memory.js';
import type { CgroupWrite, Current } from '../cgroups/limits/write.js';
import type { CgroupRecord } from '../cgroups/manager.js';
import { findUnifiedHierarchy } from '../cgroups/mount.js';
import { replacedDeviceProperties } from '../cgroups/systemd/devices.js';
import { limitProperties } from '../cgroups/systemd/limits.js';
import { setScopeProperties } from '../cgroups/systemd/scope.js';
import type { ScopeRecord } from '../cgroups/systemd/scope.js';
import { EWOULDBLOCK, LOCK_EX, O_CLOEXEC, O_RDONLY } from '../native/constants.js';
import { readIfThere } from '../native/look.js';
import { delay } from '../native/wait.js';
import { requireUpdatable } from '../spec/create-demands.js';
import type { LinuxDeviceCgroup, LinuxResources } from '../spec/types.js';
import { lockContainer } from '../state/lock.js';
import { loadState } from '../state/store.js';
import { requireLiveCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

/** The longest control file that limits are relative to. */
const FILE_MAX = 4096;

/** How long one update waits for another, and between its tries, in milliseconds. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 5;

const DEVICES = '/devices';

export interface UpdateOptions extends ContainerName {
  /** Valid (requireResources). What is not in it stays as it is. */
  resources: LinuxResources;
  warn: (message: string) => void;
}

/**
 * Everything is checked before the first write, and memory.max, with which the
 * kernel may kill, is written last. When a write fails, those before it are
 * taken back, and so are all when systemd refuses them for the unit.
 *
 * @throws TsrunError with pointers into `resources`: ERR_UNSUPPORTED,
 *   ERR_CONFIG_INVALID for fields that contradict each other or what is in
 *   force, ERR_CGROUP for what the kernel refuses, naming what could not be
 *   taken back; ERR_NOT_FOUND, ERR_NOT_RUNNING
 */
export async function update(native: Native, options: UpdateOptions): Promise<void> {
  const { root, id, resources, warn } = options;
  requireUpdatable(resources);
  // Shared: an exec in a paused container holds it, too.
  const lock = await lockContainer(native, root, id, 'shared');
  try {
    const state = loadState(native, root, id);
    const record = requireLiveCgroup(native, root, state, 'update');
    const cgroupFd = await lockCgroup(native, record.path);
    try {
      const { ociVersion, scope } = state;
      await change(native, { record, cgroupFd, ociVersion, scope, resources, warn });
    } finally {
      native.close(cgroupFd);
    }
  } finally {
    lock.release();
  }
}

/** One update at a time: the other one's writes are not to be taken back. */
async function lockCgroup(native: Native, path: string): Promise<number> {
  const fd = native.open(path, O_RDONLY | O_CLOEXEC, 0);
  let status = fd < 0 ? fd : native.flock(fd, LOCK_EX);
  for (let waited = 0; status === -EWOULDBLOCK && waited < PATIENCE_MS; waited += PAUSE_MS) {
    await delay(native, PAUSE_MS);
    status = native.flock(fd, LOCK_EX);
  }
  if (status >= 0) return fd;
  if (fd >= 0) native.close(fd);
  throw new TsrunError('ERR_CGROUP', `cannot lock cgroup ${path}: ${native.strerror(-status)}`, {
    errno: -status,
  });
}

interface Change {
  record: CgroupRecord;
  cgroupFd: number;
  ociVersion: string;
  /** The unit that the cgroup belongs to. */
  scope: ScopeRecord | undefined;
  resources: LinuxResources;
  warn: (message: string) => void;
}

async function change(native: Native, request: Change): Promise<void> {
  const { record, cgroupFd, ociVersion, scope, resources, warn } = request;
  const { path } = record;
  const current: Current = (file) => readIfThere(native, `${path}/${file}`, FILE_MAX, 'ERR_CGROUP');
  const { writes, warnings } = compileLimits(resources, { at: '', ociVersion, current });
  checkUsage(resources.memory ?? {}, '/memory', current);
  const devices = resources.devices ?? [];
  const program =
    devices.length === 0 ? undefined : replacementProgram(deviceRules(devices, DEVICES));
  const target = {
    root: findUnifiedHierarchy(native)?.root ?? path,
    directory: path,
    fresh: false,
  };
  requireFiles(native, target, writes);

  for (const warning of [...warnings, ...deviceRuleWarnings(devices, DEVICES)]) warn(warning);
  const replaced =
    program === undefined
      ? undefined
      : replaceDevices(native, cgroupFd, program, DEVICES, 'running');
  if (replaced !== undefined && 'warning' in replaced) warn(replaced.warning);
  const undoable = replaced !== undefined && 'undo' in replaced ? replaced : undefined;
  try {
    const applied = applyToBoth(native, { ...target, record }, writes);
    if (scope !== undefined) await tellSystemd(native, scope, { writes, devices, target, applied });
  } catch (error) {
    undoable?.undo();
    throw error;
  } finally {
    undoable?.close();
  }
}

interface Told {
  writes: readonly CgroupWrite[];
  devices: readonly LinuxDeviceCgroup[];
  target: LimitTarget;
  applied: Applied;
}

/** What systemd does not know of the limits it would take back with the next daemon-reload. */
async function tellSystemd(
  native: Native,
  scope: ScopeRecord,
  { writes, devices, target, applied }: Told,
): Promise<void> {
  const properties = [
    ...(devices.length === 0
      ? []
      : replacedDeviceProperties(deviceRules(devices, DEVICES), DEVICES)),
    ...limitProperties(writes),
  ];
  if (properties.length === 0) return;
  try {
    await setScopeProperties(native, scope, properties);
    // It has a quota in whole percents, and has just written that.
    const rounded = writes.filter(({ file }) => file === 'cpu.max');
    applyLimits(native, target, rounded);
  } catch (error) {
    throw withLost(error, applied.undo());
  }
}
