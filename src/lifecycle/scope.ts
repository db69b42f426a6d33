/** The systemd manager (`--systemd-cgroup`): the container's cgroup is that of a scope. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { openCgroup } from '../cgroups/create.js';
import type { CgroupWrite } from '../cgroups/limits/write.js';
import { isPopulated, isThere, killAll, removeCgroup } from '../cgroups/manager.js';
import type { Cgroup } from '../cgroups/manager.js';
import { cgroupOf, findUnifiedHierarchy } from '../cgroups/mount.js';
import { Bus } from '../cgroups/systemd/bus.js';
import { scopeName } from '../cgroups/systemd/name.js';
import { scopeProperties } from '../cgroups/systemd/properties.js';
import type { UnitProperty } from '../cgroups/systemd/properties.js';
import { managerText, startScope, stopScope } from '../cgroups/systemd/scope.js';
import type { ScopeRecord } from '../cgroups/systemd/scope.js';
import { SIGKILL } from '../native/constants.js';
import type { PlanFacts } from '../plan/plan.js';
import type { Spec } from '../spec/types.js';
import { statePath } from '../state/paths.js';
import type { StateRoot } from '../state/root.js';

/** dbus-daemon(1), "system message bus". */
const SYSTEM_BUS = '/run/dbus/system_bus_socket';

export interface ScopeRequest {
  root: StateRoot;
  id: string;
  spec: Spec;
  /** The caller manages the machine: the system's systemd, else the caller's own. */
  privileged: boolean;
  /** Path of the socket of the caller's own bus. */
  userBus: string;
}

/** The scope of a container that is being made. */
export class NewScope {
  /** The limits, which go into the files of its cgroup too. */
  writes: readonly CgroupWrite[] = [];
  private properties: UnitProperty[] = [];
  private cgroup: Cgroup | undefined;

  private constructor(
    private readonly native: Native,
    private readonly request: ScopeRequest,
    readonly bus: Bus,
    readonly record: ScopeRecord,
    private readonly slice: string,
    readonly place: NonNullable<PlanFacts['cgroup']>,
  ) {}

  /**
   * Finds systemd, and what the container's unit is to be. The bus is the
   * caller's to close.
   *
   * @throws TsrunError ERR_CONFIG_INVALID for a cgroupsPath that names no scope;
   *   ERR_CGROUP when systemd cannot be reached
   */
  static async find(native: Native, request: ScopeRequest): Promise<NewScope> {
    const { root, id, spec, privileged, userBus } = request;
    const cgroupsPath = spec.linux?.cgroupsPath;
    const { unit, slice, path } = scopeName({ cgroupsPath, id, user: !privileged });
    const hierarchy = findUnifiedHierarchy(native);
    if (hierarchy === undefined) {
      throw new TsrunError(
        'ERR_CGROUP',
        'cannot create a cgroup: no cgroup v2 hierarchy is mounted',
      );
    }
    const record = {
      unit,
      bus: privileged ? SYSTEM_BUS : userBus,
      mark: `file:${encodeURI(statePath(root, id))}`,
    };
    const bus = await Bus.connect(native, record.bus, unit);
    try {
      // The system's systemd is at the root of the hierarchy.
      const above = privileged ? '' : await managerText(bus, 'ControlGroup');
      const place = { ...hierarchy, path: above + path, manager: 'systemd' } as const;
      return new NewScope(native, request, bus, record, slice, place);
    } catch (error) {
      bus.close();
      throw error;
    }
  }

  /**
   * Works out everything that can be wrong with the configuration.
   *
   * @throws TsrunError ERR_CONFIG_INVALID with the pointer of an annotation or rule
   */
  prepare(writes: readonly CgroupWrite[]): void {
    const { id, spec } = this.request;
    this.writes = writes;
    this.properties = scopeProperties({
      id,
      slice: this.slice,
      mark: this.record.mark,
      devices: spec.linux?.resources?.devices ?? [],
      writes,
      annotations: spec.annotations ?? {},
    });
  }

  /**
   * Has the unit made around a process.
   *
   * @returns its cgroup, the descriptor the caller's to close
   * @throws TsrunError ERR_CGROUP; the unit may be there then: undo()
   */
  async enter(pid: number): Promise<Cgroup> {
    const { native, place, record } = this;
    await startScope(this.bus, record, pid, this.properties);
    const path = cgroupOf(native, pid);
    if (path !== place.path) {
      throw new TsrunError(
        'ERR_CGROUP',
        `systemd put the process of ${record.unit} into cgroup ${path ?? 'none'}, not ${place.path}`,
      );
    }
    this.cgroup = openCgroup(native, place.root, path, 'systemd');
    return this.cgroup;
  }

  /**
   * Ends what is in it, and removes it.
   *
   * @throws TsrunError ERR_CGROUP
   */
  async undo(): Promise<void> {
    const cgroup = this.cgroup?.record;
    if (cgroup !== undefined && isThere(this.native, cgroup)) {
      if (isPopulated(this.native, cgroup)) await killAll(this.native, cgroup, SIGKILL);
      await removeCgroup(this.native, cgroup);
    }
    // On a connection of its own: the other one may be what has failed.
    await stopScope(this.native, this.record);
  }
}
