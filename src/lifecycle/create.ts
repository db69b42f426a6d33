/** `create`: from a valid spec to a container that waits at its start gate. */

import type { Native } from '../native/types.js';
import { closeCgroup } from '../cgroups/manager.js';
import type { Cgroup } from '../cgroups/manager.js';
import { openCache } from '../seccomp/cache.js';
import { keepFilter, makeFilter } from '../seccomp/filter.js';
import { bootOf } from '../state/boot.js';
import { claimContainer } from '../state/claim.js';
import type { Lock } from '../state/lock.js';
import { ownerName } from '../state/owner.js';
import { NOTIFY_DIRECTORY, SECCOMP_FILE, statePath } from '../state/paths.js';
import type { ContainerState } from '../state/state.js';
import { StateFile, removeDirectory, stateError } from '../state/store.js';
import { isPrivileged } from './caller.js';
import {
  isFresh,
  makeContainerCgroup,
  removeContainerCgroup,
  setDevices,
} from './container-cgroup.js';
import type { CgroupDemand } from './container-cgroup.js';
import { FirstProcess } from './first-process.js';
import { firstState } from './first-state.js';
import type { OpenGate } from './gate.js';
import { connectSockets } from './launch.js';
import type { LaunchOptions } from './launch.js';
import { makeFifos, makePipes } from './new-gate.js';
import type { NewGate } from './new-gate.js';
import { makeNotifyDirectory } from './notify.js';
import { complete, outlineOf } from './prepare.js';
import type { Outline, PrepareOptions, Prepared } from './prepare.js';
import { OpenFds, Reserve, UndoStack } from './undo.js';

export interface CreateOptions extends PrepareOptions, LaunchOptions {
  /** The container stays locked for the caller (Created.lock), who starts it next. */
  keepLock?: boolean;
  /** Environment of the hooks that have none of their own. Default: an empty one. */
  hookEnvironment?: () => readonly string[];
  /** PATH of the caller, for newuidmap and newgidmap. */
  path?: string;
  /**
   * For a caller who has to do something else in between: called between the phases, which take
   * milliseconds, and resolves when there is time for the next.
   */
  turn?: () => Promise<void>;
}

export interface Created {
  state: ContainerState;
  /** Of the container's process, the caller's to close. */
  pidfd: number;
  /** Master side of the terminal with keepTerminal, else -1. */
  terminal: number;
  /** With keepLock, the caller's to release. */
  lock?: Lock;
  /** With keepLock, the caller's to release before it removes the container. */
  reserve?: Reserve;
  /** With keepLock, what its start is to be given: the container has no fifos then. */
  gate?: OpenGate;
}

/**
 * Whatever fails, everything done before is undone, and the error says what
 * failed. Nothing is shared between two calls, so that they can run at once.
 *
 * @throws TsrunError
 */
export async function create(native: Native, options: CreateOptions): Promise<Created> {
  const fds = new OpenFds((fd) => native.close(fd));
  const undo = new UndoStack();
  let outline: Outline | undefined;
  let creation: Creation | undefined;
  try {
    outline = await outlineOf(native, options, fds, false);
    creation = new Creation(native, options, complete(options, outline), fds, undo);
    return await creation.run();
  } catch (error) {
    // Undoing may need descriptors: close those that nobody needs any more.
    fds.closeAll();
    creation?.reserve?.release();
    await undo.undo();
    throw error;
  } finally {
    outline?.scope?.bus.close();
    fds.closeAll();
  }
}

/** The claimed directory of a container. */
interface Place {
  lock: Lock;
  file: StateFile;
  boot: Pick<ContainerState, 'boot'>;
}

class Creation {
  /** For the undoing, or with keepLock for the removal by the caller. */
  reserve: Reserve | undefined;
  /** Done while the helper makes its namespaces, before it is first let go on. */
  private readonly deferred: (() => void)[] = [];

  constructor(
    private readonly native: Native,
    private readonly options: CreateOptions,
    private readonly prepared: Prepared,
    private readonly fds: OpenFds,
    private readonly undo: UndoStack,
  ) {}

  async run(): Promise<Created> {
    const { native, options, prepared, fds } = this;
    const sockets = connectSockets(native, options, fds);
    await options.turn?.();
    const place = await this.claim();
    const gate = this.makeGate(place);
    const filter = await this.makeFilter(place);
    if (options.notify === true) this.makeNotify(place);
    for (const warning of prepared.plan.warnings) options.warn(warning);
    const cgroup = this.makeCgroup(place);
    const { state, first } = this.makeState(place, cgroup);
    await options.turn?.();
    const { pidfd, terminal } = await first.launch({ sockets, gate, filter });
    if (cgroup !== undefined) closeCgroup(native, cgroup);
    this.undo.keep();
    return this.handOver({ state, pidfd, terminal }, place, gate);
  }

  private async claim(): Promise<Place> {
    const { native, undo } = this;
    const { root, id } = this.options;
    root.make();
    this.reserve = new Reserve(native);
    const lock = await claimContainer(native, root, id);
    // Released after everything else is undone, when nobody can find the directory any more.
    undo.push(() => lock.release());
    undo.push(() => {
      if (lock.isCurrent()) removeDirectory(native, root, id, lock);
    });
    const file = new StateFile(native, root, id, lock.fd);
    this.fds.add(file.fd);
    return { lock, file, boot: bootOf(native, root) };
  }

  /** The status stays `created` while the fifo exists, and a startContainer hook may ask for it. */
  private makeGate({ lock }: Place): NewGate {
    const { keepLock, spec } = this.options;
    return keepLock === true && (spec.hooks?.startContainer ?? []).length === 0
      ? makePipes(this.native, this.fds, this.undo)
      : makeFifos(this.native, this.options, lock.fd, this.fds);
  }

  /** The compiled linux.seccomp, kept for exec. */
  private async makeFilter({ lock }: Place): Promise<Uint8Array | undefined> {
    const { native, options, fds } = this;
    const { root, id, turn, debug } = options;
    const seccomp = options.spec.linux?.seccomp;
    if (seccomp === undefined) return undefined;
    await turn?.();
    const cache = openCache(native, root);
    if (cache !== undefined) fds.add(cache);
    const filter = makeFilter(native, seccomp, this.prepared.plan.steps, cache, debug);
    const kept = keepFilter(native, filter, lock.fd, SECCOMP_FILE);
    if (cache !== undefined) fds.closeOne(cache);
    if (kept < 0) throw stateError(native, 'cannot write', statePath(root, id, SECCOMP_FILE), kept);
    await turn?.();
    return filter.program;
  }

  private makeNotify({ lock }: Place): void {
    const { root, id } = this.options;
    makeNotifyDirectory(this.native, lock.fd, statePath(root, id, NOTIFY_DIRECTORY));
  }

  private cgroupDemand(): CgroupDemand {
    const { spec, warn, debug = () => undefined } = this.options;
    const { plan, caller } = this.prepared;
    return {
      ...{ spec, warn, debug },
      writes: plan.cgroupWrites ?? [],
      privileged: isPrivileged(caller),
      callerUid: caller.uid,
      subgroup: plan.cgroupSubgroup === true,
    };
  }

  private makeCgroup({ file }: Place): Cgroup | undefined {
    const { native } = this;
    const { cgroup: place, scope } = this.prepared;
    if (place === undefined || scope !== undefined) return undefined;
    file.noteCgroup(place.root + place.path);
    const demand = { ...this.cgroupDemand(), devicesLater: this.canDefer() };
    const cgroup = makeContainerCgroup(native, place, demand);
    if (demand.devicesLater && isFresh(cgroup)) {
      this.deferred.push(() => {
        setDevices(native, cgroup, demand);
      });
    }
    return cgroup;
  }

  /** createContainer hooks run before the first sync point, so nothing can be deferred. */
  private canDefer(): boolean {
    return (this.options.spec.hooks?.createContainer ?? []).length === 0;
  }

  private makeState(
    { file, boot }: Place,
    cgroup: Cgroup | undefined,
  ): { state: ContainerState; first: FirstProcess } {
    const { native, options, prepared, fds, undo, deferred } = this;
    const { scope } = prepared;
    const state = firstState(options, prepared, boot, cgroup?.record ?? null);
    const made = { state, file, cgroup, demand: this.cgroupDemand(), deferred };
    const first = new FirstProcess(native, options, prepared, made, fds);
    undo.push(() => first.poststop());
    // The hooks of a failed create run when its process and its cgroup are gone, as after delete.
    if (cgroup !== undefined) undo.push(() => removeContainerCgroup(native, cgroup));
    if (scope !== undefined) undo.push(() => scope.undo());
    // What a crash leaves before that is a directory with the path of the cgroup in it.
    const save = (): void => {
      state.owner = ownerName(native, native.getuid()[0]);
      file.save(state);
    };
    if (this.canDefer()) deferred.unshift(save);
    else save();
    return { state, first };
  }

  private handOver(
    created: Pick<Created, 'state' | 'pidfd' | 'terminal'>,
    { lock }: Place,
    { caller: gate }: NewGate,
  ): Created {
    const { reserve } = this;
    if (this.options.keepLock === true && reserve !== undefined) {
      return { ...created, lock, reserve, ...(gate === undefined ? {} : { gate }) };
    }
    reserve?.release();
    lock.release();
    return created;
  }
}
