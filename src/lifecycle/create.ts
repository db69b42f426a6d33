/** `create`: from a valid spec to a container that waits at its start gate. */

import { EOPNOTSUPP, O_CLOEXEC, O_NOFOLLOW, O_RDWR } from '../native/constants.js';
import type { Native, SpawnRequest } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isMemoryLimited } from '../cgroups/limits/memory.js';
import { makeSubgroup } from '../cgroups/subgroup.js';
import { closeCgroup, entrance, makeThreaded, moveInto } from '../cgroups/manager.js';
import type { Cgroup, CgroupRecord } from '../cgroups/manager.js';
import { setupIds } from '../plan/user-namespace.js';
import { namespacePlaces } from '../namespaces/namespaces.js';
import { planContainer } from '../plan/container.js';
import type { ContainerPlan, PlanFacts } from '../plan/plan.js';
import { syncStep } from '../plan/process.js';
import { filterLoading } from '../plan/seccomp.js';
import { SyncPoint } from '../plan/steps.js';
import type { Step } from '../plan/steps.js';
import { openCache } from '../seccomp/cache.js';
import { keepFilter, makeFilter } from '../seccomp/filter.js';
import { requireCreatable } from '../spec/create-demands.js';
import type { LinuxSeccomp, Spec } from '../spec/types.js';
import { bootOf } from '../state/boot.js';
import { claimContainer } from '../state/claim.js';
import { validateId } from '../state/id.js';
import type { Lock } from '../state/lock.js';
import { ownerName } from '../state/owner.js';
import {
  EXEC_FIFO,
  EXEC_REPORT,
  NOTIFY_DIRECTORY,
  SECCOMP_FILE,
  STATE_MODE,
  statePath,
} from '../state/paths.js';
import { readProcessStat, requireOwnProcfs } from '../state/proc-stat.js';
import type { StateRoot } from '../state/root.js';
import { STATE_VERSION } from '../state/state.js';
import type { ContainerState, LateStep } from '../state/state.js';
import { StateFile, removeDirectory, stateError } from '../state/store.js';
import { openRootfs } from './bundle.js';
import type { Rootfs } from './bundle.js';
import { isPrivileged, readCaller, requireNamespaceRights } from './caller.js';
import type { Caller } from './caller.js';
import { killAndReap } from './child.js';
import { connectSocket, sendDescriptor } from './console-socket.js';
import {
  furnishCgroup,
  isFresh,
  makeContainerCgroup,
  removeContainerCgroup,
  setDevices,
  passControllersOn,
} from './container-cgroup.js';
import { execute, requireAlive } from './execute.js';
import type { Child } from './execute.js';
import { gatherFacts } from './facts.js';
import { closeGate } from './gate.js';
import type { OpenGate } from './gate.js';
import { hookDirectory, hookState } from './hook-state.js';
import { runHooks, runHooksAnyway } from './hooks.js';
import { writeIdMaps } from './id-maps.js';
import { openInputs } from './inputs.js';
import { newKeyringName } from './keyring.js';
import { sendListener } from './listener.js';
import { LockedTrees } from './locked-trees.js';
import { raiseLimits, setOomScoreAdj } from './limits.js';
import type { NewScope } from './scope.js';
import { identifyNamespaces } from './namespace-identity.js';
import { checkSysctls, openNamespaceFiles } from './namespaces-own.js';
import type { NamespaceFiles } from './namespaces-own.js';
import { makeNotifyDirectory } from './notify.js';
import { writePidFile } from './pid-file.js';
import { OpenFds, Reserve, UndoStack } from './undo.js';

export interface CreateOptions {
  /** Directory of the states of all containers. */
  root: StateRoot;
  id: string;
  /** Absolute path of the bundle directory. */
  bundle: string;
  /** A valid spec (loadBundle, requireSpec). */
  spec: Spec;
  /** Descriptors that become 0, 1 and 2 of the process; -1 stands for /dev/null. */
  stdio: readonly [number, number, number];
  /** Unix socket that gets the terminal's master side. */
  consoleSocket?: string;
  /** The caller takes the terminal's master side (Created.terminal). */
  keepTerminal?: boolean;
  /** The container stays locked for the caller (Created.lock), who starts it next. */
  keepLock?: boolean;
  pidFile?: string;
  /** Unix socket that gets a pidfd of the container's process. */
  pidfdSocket?: string;
  /** Descriptors that become 3, 4, ... of the process, those of LISTEN_FDS first. */
  preserve?: readonly number[];
  /** How many of `preserve` belong to LISTEN_FDS. */
  listenFds?: number;
  noPivot?: boolean;
  /** The whole hierarchy of cgroups of the host is never mounted for writing. */
  protectHostCgroups?: boolean;
  noNewKeyring?: boolean;
  /** The container gets a NOTIFY_SOCKET, which `start` relays. */
  notify?: boolean;
  /** `--rootless`: true lets the container be without a cgroup whoever the caller is; default by privilege. */
  rootless?: boolean;
  /** The container gets a scope of systemd's; the socket of the bus of the caller's own systemd, for rootless. */
  systemdCgroup?: { userBus: string };
  /** The container stays in the cgroup of the caller. */
  noCgroup?: boolean;
  /**
   * The caller is a program with memory of its own, which must not count in the cgroup for a moment
   * where there may be none left: the kernel would end the program. To enter it late costs the
   * kernel some milliseconds.
   */
  spareCaller?: boolean;
  /** Environment of the hooks that have none of their own. Default: an empty one. */
  hookEnvironment?: () => readonly string[];
  /** PATH of the caller, for newuidmap and newgidmap. */
  path?: string;
  /**
   * For a caller who has to do something else in between: called between the phases, which take
   * milliseconds, and resolves when there is time for the next.
   */
  turn?: () => Promise<void>;
  /** Called with the steps and the monotonic time in nanoseconds at which each was done. */
  trace?: (steps: readonly Step[], times: readonly number[]) => void;
  warn: (message: string) => void;
  /** What only somebody who looks for a reason wants to know. */
  debug?: (message: string) => void;
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
  const creation = new Creation(native, options, fds, undo);
  try {
    return await creation.run();
  } catch (error) {
    // Undoing may need descriptors: close those that nobody needs any more.
    fds.closeAll();
    creation.reserve?.release();
    await undo.undo();
    throw error;
  } finally {
    creation.close();
    fds.closeAll();
  }
}

/** What the helper gets of its gate, and with pipes the other ends. */
interface Gate {
  fifo: number;
  report: number;
  caller?: OpenGate;
}

class Creation {
  private readonly caller: Caller;
  private readonly boot: Pick<ContainerState, 'boot'>;
  /** For the undoing, or with keepLock for the removal by the caller. */
  reserve: Reserve | undefined;
  private terminal = -1;
  private rootfs = -1;
  private namespaces: NamespaceFiles = new Map();
  private reachedHooks = false;
  /**
   * What only has to be done before the helper is first let go on: it is done
   * while that makes its namespaces, for which it takes the longer.
   */
  private readonly meanwhile: (() => void)[] = [];
  private identity: Pick<ContainerState, 'pid' | 'startTime'> = { pid: 0, startTime: 0 };
  private scope: NewScope | undefined;
  private keyring: string | undefined;

  constructor(
    private readonly native: Native,
    private readonly options: CreateOptions,
    private readonly fds: OpenFds,
    private readonly undo: UndoStack,
  ) {
    this.caller = readCaller(native, options.spec.process);
    this.boot = bootOf(native, options.root);
  }

  close(): void {
    this.scope?.bus.close();
  }

  async run(): Promise<Created> {
    const { native, options } = this;
    const { root, id, spec, warn, turn } = options;
    validateId(id);
    // The new process is identified by its files in /proc, and set up through them.
    requireOwnProcfs(native);
    requireCreatable(spec);
    this.checkTerminal();
    requireNamespaceRights(native, spec, this.caller);
    const rootfs = openRootfs(native, options.bundle, spec);
    this.rootfs = this.fds.add(rootfs.fd);
    this.namespaces = openNamespaceFiles(native, spec, this.fds);
    this.scope = await this.findScope();
    const facts = this.facts(rootfs);
    checkSysctls(spec, facts.ownNamespaces);
    let plan = planContainer(spec, facts);
    this.scope?.prepare(plan.cgroupWrites ?? []);
    const consoleSocket = this.connect('console socket', options.consoleSocket);
    const pidfdSocket = this.connect('pidfd socket', options.pidfdSocket);

    if (turn !== undefined) await turn();
    root.make();
    this.reserve = new Reserve(native);
    const lock = await claimContainer(native, root, id);
    // Released after everything else is undone, when nobody can find the directory any more.
    this.undo.push(() => lock.release());
    this.undo.push(() => {
      if (lock.isCurrent()) removeDirectory(native, root, id, lock);
    });
    const file = new StateFile(native, root, id, lock.fd);
    this.fds.add(file.fd);
    const gate = this.hasPipes() ? this.makePipes() : this.makeFifos(lock.fd);
    if (turn !== undefined && spec.linux?.seccomp !== undefined) await turn();
    const filter = this.filter(plan, lock.fd);
    if (turn !== undefined && filter !== undefined) await turn();
    if (options.notify === true) {
      makeNotifyDirectory(native, lock.fd, statePath(root, id, NOTIFY_DIRECTORY));
    }

    if (facts.cgroup !== undefined && this.scope === undefined) {
      file.noteCgroup(facts.cgroup.root + facts.cgroup.path);
    }
    const cgroup = this.scope === undefined ? this.makeCgroup(facts, plan) : undefined;
    if (this.scope === undefined && cgroup === undefined && facts.cgroup !== undefined) {
      const { cgroup: _, ...without } = facts;
      plan = planContainer(spec, without);
    }
    for (const warning of plan.warnings) warn(warning);
    const state = this.firstState(rootfs.path, plan, cgroup);
    this.undo.push(async () => {
      if (this.reachedHooks) await this.poststop(state);
    });
    // The hooks of a failed create run when its process and its cgroup are gone, as after delete.
    if (cgroup !== undefined) this.undo.push(() => removeContainerCgroup(native, cgroup));
    if (this.scope !== undefined) this.undo.push(() => this.scope?.undo());
    if (this.mustEnterLate(plan, facts, cgroup)) {
      plan = { ...plan, steps: [syncStep('cgroup'), ...plan.steps] };
    }
    // What a crash leaves before that is a directory with the path of the cgroup in it.
    const save = (): void => {
      state.owner = ownerName(native, native.getuid()[0]);
      file.save(state);
    };
    if (this.hasTime()) this.meanwhile.unshift(save);
    else save();

    if (turn !== undefined) await turn();
    const child = await this.runHelper(plan, state, cgroup, consoleSocket, gate, file, filter);
    this.undo.push(async () => {
      await killAndReap(native, child.pidfd);
      native.close(child.pidfd);
    });
    // Who waits for the pid file takes its presence for success.
    requireAlive(native, child);
    if (pidfdSocket >= 0) {
      sendDescriptor(native, 'pidfd socket', pidfdSocket, 'pidfd', child.pidfd);
    }
    if (options.pidFile !== undefined) {
      writePidFile(native, options.pidFile, child.pid);
    }
    if (cgroup !== undefined) closeCgroup(native, cgroup);
    this.undo.keep();
    const created = { state, pidfd: child.pidfd, terminal: this.terminal };
    if (options.keepLock === true) {
      const kept = { ...created, lock, reserve: this.reserve };
      return gate.caller === undefined ? kept : { ...kept, gate: gate.caller };
    }
    this.reserve.release();
    lock.release();
    return created;
  }

  private checkTerminal(): void {
    const { spec, consoleSocket, keepTerminal } = this.options;
    const terminal = spec.process?.terminal === true;
    if (terminal && consoleSocket === undefined && keepTerminal !== true) {
      throw new TsrunError(
        'ERR_CONSOLE',
        '/process/terminal: cannot allocate a terminal without a console socket when the container is detached',
        { pointer: '/process/terminal' },
      );
    }
    if (!terminal && consoleSocket !== undefined) {
      throw new TsrunError(
        'ERR_CONSOLE',
        'cannot use a console socket: /process/terminal is not set',
        { pointer: '/process/terminal' },
      );
    }
  }

  private facts(rootfs: Rootfs): PlanFacts {
    const { root, id, bundle, spec, preserve, listenFds, noPivot, notify } = this.options;
    const { protectHostCgroups } = this.options;
    if (this.options.noNewKeyring !== true) this.keyring = newKeyringName(this.native, id);
    return gatherFacts(
      this.native,
      {
        id,
        bundle,
        rootfs,
        namespaces: this.namespaces,
        spec,
        protectHostCgroups,
        noPivot: noPivot === true,
        foreground: this.options.keepTerminal === true,
        keyring: this.keyring,
        preservedFds: preserve?.length ?? 0,
        listenFds: listenFds ?? 0,
        ...(notify === true ? { notifyDirectory: statePath(root, id, NOTIFY_DIRECTORY) } : {}),
        ...(this.scope === undefined ? {} : { scope: this.scope.place }),
        noCgroup: this.options.noCgroup === true,
      },
      this.caller,
    );
  }

  private async findScope(): Promise<NewScope | undefined> {
    const { root, id, spec, systemdCgroup } = this.options;
    if (systemdCgroup === undefined) return undefined;
    const { NewScope: Scope } = await import('./scope.js');
    const privileged = isPrivileged(this.caller);
    return Scope.find(this.native, { root, id, spec, privileged, ...systemdCgroup });
  }

  /** The helper waits in the caller's cgroup, and goes on in the one of its scope. */
  private async enterScope(
    state: ContainerState,
    file: StateFile,
    pid: number,
    subgroup: boolean,
  ): Promise<void> {
    const { native, options, caller, scope } = this;
    if (scope === undefined) return;
    const cgroup = await scope.enter(pid);
    this.fds.add(cgroup.fd);
    if (subgroup) {
      makeSubgroup(native, cgroup);
      if (cgroup.entranceFd !== undefined) this.fds.add(cgroup.entranceFd);
    }
    state.cgroup = cgroup.record;
    state.cgroupPath = cgroup.record.path;
    file.save(state);
    if (subgroup) {
      // With a process in it the scope would become the root of threaded cgroups.
      enterCgroup(native, cgroup, pid);
      passControllersOn(native, cgroup, scope.place.root);
    }
    furnishCgroup(native, cgroup, scope.place.root, {
      spec: options.spec,
      writes: scope.writes,
      privileged: isPrivileged(caller),
      callerUid: caller.uid,
      warn: options.warn,
      debug: options.debug ?? (() => undefined),
    });
  }

  private connect(what: string, path: string | undefined): number {
    return path === undefined ? -1 : this.fds.add(connectSocket(this.native, what, path));
  }

  /** A hook behind the gate may ask for the status, which is `created` as long as there is a fifo. */
  private hasPipes(): boolean {
    const { keepLock, spec } = this.options;
    return keepLock === true && (spec.hooks?.startContainer ?? []).length === 0;
  }

  private makeFifos(directory: number): Gate {
    return {
      fifo: this.makeFifo(directory, EXEC_FIFO),
      report: this.makeFifo(directory, EXEC_REPORT),
    };
  }

  /** Both ends of it, the helper's: it is never without a reader or a writer. */
  private makeFifo(directory: number, name: string): number {
    const { native, options } = this;
    const made = native.mkfifoAt(directory, name, STATE_MODE);
    const fd = made < 0 ? made : native.openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
      throw stateError(native, 'cannot make', statePath(options.root, options.id, name), fd);
    return this.fds.add(fd);
  }

  private makePipes(): Gate {
    const [fifo, knock] = this.makePipe();
    const [said, report] = this.makePipe();
    const caller = { knock, fifo, report: said };
    this.undo.push(() => closeGate(this.native, caller));
    this.native.setNonblocking(said, true);
    return { fifo, report: this.fds.add(report), caller };
  }

  private makePipe(): readonly [number, number] {
    const { native } = this;
    const ends = native.pipe();
    if (typeof ends === 'number') {
      throw new TsrunError('ERR_SYSTEM', `cannot make a pipe: ${native.strerror(-ends)}`, {
        errno: -ends,
      });
    }
    return ends;
  }

  private makeCgroup(facts: PlanFacts, plan: ContainerPlan): Cgroup | undefined {
    const { spec, rootless, noCgroup, warn, debug = () => undefined } = this.options;
    const privileged = isPrivileged(this.caller);
    const devicesLater = this.hasTime();
    const callerUid = this.caller.uid;
    const writes = plan.cgroupWrites ?? [];
    const demand = { spec, writes, privileged, callerUid, devicesLater, warn, debug };
    const cgroup = makeContainerCgroup(this.native, {
      ...demand,
      place: facts.cgroup,
      subgroup: plan.cgroupSubgroup === true,
      unwanted: noCgroup === true,
      required: privileged && rootless !== true,
    });
    if (devicesLater && cgroup !== undefined && isFresh(cgroup)) {
      this.meanwhile.push(() => setDevices(this.native, cgroup, demand));
    }
    return cgroup;
  }

  /** Not because of the limit of a new cgroup, which has room for the helper (isSmall). */
  private mustEnterLate(
    { steps }: ContainerPlan,
    facts: PlanFacts,
    cgroup: Cgroup | undefined,
  ): boolean {
    if (this.options.spareCaller !== true || cgroup === undefined || isMoved(steps)) return false;
    const { path } = cgroup.record;
    const start = isFresh(cgroup)
      ? path.slice(0, path.lastIndexOf('/'))
      : entrance(cgroup.record).path;
    return isMemoryLimited(this.native, facts.cgroup?.root, start);
  }

  /** Not with hooks that the helper runs by itself before it stops: they need everything in force. */
  private hasTime(): boolean {
    return (this.options.spec.hooks?.createContainer ?? []).length === 0;
  }

  private firstState(
    rootfs: string,
    plan: ContainerPlan,
    cgroup: Cgroup | undefined,
  ): ContainerState {
    const { id, bundle, spec } = this.options;
    const places = namespacePlaces(spec.linux?.namespaces ?? [], 0);
    return {
      version: STATE_VERSION,
      ociVersion: spec.ociVersion,
      id,
      phase: 'creating',
      pid: 0,
      startTime: 0,
      bundle,
      rootfs,
      created: new Date().toISOString(),
      annotations: spec.annotations ?? {},
      owner: '',
      cgroupPath: cgroup?.record.path ?? null,
      ...this.boot,
      cgroup: cgroup?.record ?? null,
      ...(this.scope === undefined ? {} : { scope: this.scope.record }),
      namespaces: plan.namespaces,
      newPidNamespace: (spec.linux?.namespaces ?? []).some(
        ({ type, path }) => type === 'pid' && (path === undefined || path === ''),
      ),
      setup: setupIds(spec.linux, places),
      rootless: !isPrivileged(this.caller),
      ...(this.keyring === undefined ? {} : { keyring: this.keyring }),
      terminal: plan.terminal,
      hooks: { poststart: spec.hooks?.poststart ?? [], poststop: spec.hooks?.poststop ?? [] },
      ...(spec.linux?.seccomp === undefined ? {} : { seccomp: filterState(spec.linux.seccomp) }),
    };
  }

  /** The compiled linux.seccomp, kept for exec. */
  private filter(plan: ContainerPlan, directory: number): Uint8Array | undefined {
    const { native, options } = this;
    const seccomp = options.spec.linux?.seccomp;
    if (seccomp === undefined) return undefined;
    const cache = openCache(native, options.root);
    if (cache !== undefined) this.fds.add(cache);
    const filter = makeFilter(native, seccomp, plan.steps, cache, options.debug);
    const kept = keepFilter(native, filter, directory, SECCOMP_FILE);
    if (cache !== undefined) this.fds.closeOne(cache);
    if (kept < 0) {
      throw stateError(
        native,
        'cannot write',
        statePath(options.root, options.id, SECCOMP_FILE),
        kept,
      );
    }
    return filter.program;
  }

  private async runHelper(
    plan: ContainerPlan,
    state: ContainerState,
    cgroup: Cgroup | undefined,
    consoleSocket: number,
    { fifo, report }: Gate,
    file: StateFile,
    filter: Uint8Array | undefined,
  ): Promise<Child> {
    const { native, options, caller } = this;
    const mapper = {
      uid: caller.uid,
      gid: caller.gid,
      effective: caller.effective,
      path: options.path,
    };
    const locks = new LockedTrees(native, plan.steps);
    const inputs = await openInputs(
      native,
      plan.inputs,
      {
        caller: mapper,
        fifo,
        report,
        locks,
        rootfs: this.rootfs,
        namespaces: this.namespaces,
        ...(filter === undefined ? {} : { seccomp: filter }),
      },
      this.fds,
    );
    let later = '';
    const personality = options.spec.linux?.personality;
    const trace = options.trace;
    const request: SpawnRequest = {
      cloneFlags: plan.cloneFlags,
      cgroupFd: isMoved(plan.steps) ? -1 : (cgroup?.entranceFd ?? cgroup?.fd ?? -1),
      stdio: options.stdio,
      preserve: options.preserve ?? [],
      fds: inputs,
      slots: plan.slots,
      steps: plan.steps,
      trace: trace !== undefined,
    };
    let spawned = native.spawn(request);
    if (spawned === -EOPNOTSUPP && cgroup !== undefined && becomesThreaded(native, cgroup.record)) {
      spawned = native.spawn(request);
    }
    return execute(
      native,
      request,
      {
        started: async ({ pid }) => {
          if (options.turn !== undefined) await options.turn();
          for (const action of this.meanwhile.splice(0)) action();
          this.learnIdentity(pid);
          later = file.laterLine({
            process: options.spec.process,
            ...(personality === undefined ? {} : { personality }),
            identity: identifyNamespaces(native, plan, inputs, caller, pid),
            lateSteps: lateSteps(plan.steps),
          });
        },
        sync: {
          [SyncPoint.oomScoreAdj]: ({ pid }) =>
            setOomScoreAdj(native, pid, plan.oomScoreAdj ?? 0, '/process/oomScoreAdj'),
          [SyncPoint.cgroup]: async ({ pid }) => {
            if (cgroup === undefined) {
              await this.enterScope(state, file, pid, plan.cgroupSubgroup === true);
            } else enterCgroup(native, cgroup, pid);
          },
          [SyncPoint.limits]: ({ pid }) => raiseLimits(native, pid, plan.limits),
          [SyncPoint.idMap]: async ({ pid }) => {
            raiseLimits(native, pid, plan.limits);
            if (plan.idMaps !== undefined) {
              await writeIdMaps(native, { pid, ...plan.idMaps, ...mapper });
            }
          },
          [SyncPoint.runtimeHooks]: async (child) => {
            this.reachedHooks = true;
            this.identify(state, child);
            file.saveSummary(state);
            await this.runtimeHooks(state);
          },
          [SyncPoint.ready]: (child) => {
            requireAlive(native, child);
            this.identify(state, child);
            state.phase = 'created';
            // Before the helper goes on: from here on it lives without us.
            file.saveSummary(state, later);
          },
        },
        console: (fd, name) => this.takeTerminal(consoleSocket, fd, name),
        listener: (fd, { pid }) =>
          sendListener(native, state, fd, {
            pid,
            state: hookState({ ...state, pid }, 'creating'),
          }),
        tree: (slot, mountNamespace) => locks.open(slot, inputs, mountNamespace),
        warning: options.warn,
        ...(trace === undefined ? {} : { trace: (times) => trace(plan.steps, times) }),
      },
      spawned,
    );
  }

  private identify(state: ContainerState, { pid }: Child): void {
    if (pid !== this.identity.pid) this.learnIdentity(pid);
    if (pid !== this.identity.pid) {
      throw new TsrunError('ERR_SYSTEM', `cannot read the start time of process ${pid}`);
    }
    Object.assign(state, this.identity);
  }

  /** One that has gone again has left a message that says why. */
  private learnIdentity(pid: number): void {
    const stat = readProcessStat(this.native, pid);
    if (stat !== undefined) this.identity = { pid, startTime: stat.startTime };
  }

  private async runtimeHooks(state: ContainerState): Promise<void> {
    const { spec, bundle, hookEnvironment } = this.options;
    const run = {
      state: hookState(state, 'creating'),
      cwd: bundle,
      environment: hookEnvironment,
    };
    for (const kind of ['prestart', 'createRuntime'] as const) {
      await runHooks(this.native, { ...run, kind, hooks: spec.hooks?.[kind] ?? [] });
    }
  }

  private async poststop(state: ContainerState): Promise<void> {
    const run = {
      kind: 'poststop',
      hooks: state.hooks.poststop,
      state: hookState(state, 'stopped'),
      environment: this.options.hookEnvironment,
      cwd: hookDirectory(this.native, state.bundle),
    } as const;
    await runHooksAnyway(this.native, run, this.options.warn);
  }

  private takeTerminal(consoleSocket: number, fd: number, name: string): void {
    if (consoleSocket < 0) {
      this.terminal = fd;
      this.undo.push(() => {
        this.native.close(fd);
      });
      return;
    }
    try {
      sendDescriptor(this.native, 'console socket', consoleSocket, name, fd);
    } finally {
      this.native.close(fd);
    }
  }
}

function enterCgroup(native: Native, { record }: Cgroup, pid: number): void {
  const place = entrance(record);
  try {
    moveInto(native, place, pid);
  } catch (error) {
    const isInvalid = error instanceof TsrunError && error.errno === EOPNOTSUPP;
    if (!isInvalid || !becomesThreaded(native, record)) throw error;
    moveInto(native, place, pid);
  }
}

/** A subgroup follows the cgroup above it. */
function becomesThreaded(native: Native, record: CgroupRecord): boolean {
  const made = makeThreaded(native, record);
  return record.subgroup === undefined ? made : makeThreaded(native, entrance(record));
}

/** Whether it enters its cgroup later than at its birth. */
function isMoved(steps: readonly Step[]): boolean {
  return steps.some((step) => step.op === 'sync' && step.point === SyncPoint.cgroup);
}

function filterState(seccomp: LinuxSeccomp): NonNullable<ContainerState['seccomp']> {
  const { listenerPath: path, listenerMetadata: metadata } = seccomp;
  return {
    ...filterLoading(seccomp),
    ...(path === undefined ? {} : { path }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** The steps behind the gate without what their messages do not need: environment above all. */
function lateSteps(steps: readonly Step[]): LateStep[] {
  const late: LateStep[] = [];
  // From the end, where they are.
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index];
    if (step === undefined) continue;
    if (step.op === 'hook') {
      late.unshift({ index, step: { ...step, args: [], env: [], before: '', after: '' } });
    } else if (step.op === 'exec') {
      late.unshift({ index, step: { ...step, args: step.args.slice(0, 1), env: [] } });
    } else {
      late.unshift({ index, step });
    }
    if (step.op === 'gate') return late;
  }
  return late;
}
