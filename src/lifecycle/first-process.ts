/** The first process of a container that is being made, and what is done at its sync points. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import type { Cgroup } from '../cgroups/manager.js';
import { SyncPoint } from '../plan/steps.js';
import { readProcessStat } from '../state/proc-stat.js';
import type { ContainerState } from '../state/state.js';
import type { StateFile } from '../state/store.js';
import { entranceFd, joinScope, moveIntoCgroup, spawnInCgroup } from './cgroup-join.js';
import type { CgroupDemand } from './container-cgroup.js';
import type { CreateOptions } from './create.js';
import { requireAlive } from './execute.js';
import type { Child } from './execute.js';
import { cgroupSummary, lateSteps } from './first-state.js';
import { hookDirectory, hookState } from './hook-state.js';
import { runHooks, runHooksAnyway } from './hooks.js';
import { writeIdMaps } from './id-maps.js';
import type { IdMapCaller } from './id-maps.js';
import { openInputs } from './inputs.js';
import { launch } from './launch.js';
import type { Launch, Launched, Sockets } from './launch.js';
import { sendListener } from './listener.js';
import { LockedTrees } from './locked-trees.js';
import { raiseLimits } from './limits.js';
import { identifyNamespaces } from './namespace-identity.js';
import type { NewGate } from './new-gate.js';
import type { Prepared } from './prepare.js';
import type { OpenFds } from './undo.js';

/** What has been made for it. */
export interface MadeForProcess {
  state: ContainerState;
  file: StateFile;
  /** Undefined where it has none, or systemd makes it. */
  cgroup: Cgroup | undefined;
  demand: CgroupDemand;
  /** Done when it has been started, before it is first let go on. */
  deferred: (() => void)[];
}

export interface FirstLaunch {
  sockets: Sockets;
  gate: NewGate;
  /** The compiled linux.seccomp. */
  filter: Uint8Array | undefined;
}

export class FirstProcess {
  private reachedHooks = false;
  private identity: Pick<ContainerState, 'pid' | 'startTime'> = { pid: 0, startTime: 0 };
  /** The part of the state that only exec and start read, as a line. */
  private later = '';

  constructor(
    private readonly native: Native,
    private readonly options: CreateOptions,
    private readonly prepared: Prepared,
    private readonly made: MadeForProcess,
    private readonly fds: OpenFds,
  ) {}

  /** @throws TsrunError; the process is then gone */
  async launch({ sockets, gate, filter }: FirstLaunch): Promise<Launched> {
    const { native, options, prepared, fds } = this;
    const { plan, rootfs, namespaces } = prepared;
    const { state, cgroup } = this.made;
    const locks = new LockedTrees(native, plan.steps);
    const inputs = await openInputs(
      native,
      plan.inputs,
      {
        caller: this.mapper(),
        fifo: gate.fifo,
        report: gate.report,
        locks,
        rootfs: rootfs.fd,
        namespaces,
        ...(filter === undefined ? {} : { seccomp: filter }),
      },
      fds,
    );
    const isBornInside = cgroup !== undefined && plan.cgroupJoin === 'clone';
    return launch(native, options, {
      ...{ plan, at: '/process', inputs, sockets, gated: true },
      leaveBeforeGate: options.keepLock === true,
      cgroupFd: isBornInside ? entranceFd(cgroup) : -1,
      ...(isBornInside ? { spawn: (request) => spawnInCgroup(native, request, cgroup) } : {}),
      started: async ({ pid }) => {
        await options.turn?.();
        this.started(pid, inputs);
      },
      sync: this.syncPoints(),
      listener: (fd, { pid }) =>
        sendListener(native, state, fd, { pid, state: hookState({ ...state, pid }, 'creating') }),
      tree: (slot, mountNamespace) => locks.open(slot, inputs, mountNamespace),
    });
  }

  /** After a failure, if any hook has run. */
  async poststop(): Promise<void> {
    if (!this.reachedHooks) return;
    const { native, options } = this;
    const { state } = this.made;
    const run = {
      kind: 'poststop',
      hooks: state.hooks.poststop,
      state: hookState(state, 'stopped'),
      environment: options.hookEnvironment,
      cwd: hookDirectory(native, state.bundle),
    } as const;
    await runHooksAnyway(native, run, options.warn);
  }

  private mapper(): IdMapCaller {
    const { uid, gid, effective } = this.prepared.caller;
    return { uid, gid, effective, path: this.options.path };
  }

  private started(pid: number, inputs: readonly number[]): void {
    const { native, options } = this;
    const { plan, caller } = this.prepared;
    const { deferred, file } = this.made;
    for (const action of deferred.splice(0)) action();
    this.learnIdentity(pid);
    const { process, linux } = options.spec;
    const personality = linux?.personality;
    this.later = file.laterLine({
      process,
      ...(personality === undefined ? {} : { personality }),
      identity: identifyNamespaces(native, plan, inputs, caller, pid),
      lateSteps: lateSteps(plan.steps),
    });
  }

  private syncPoints(): Launch['sync'] {
    const { native, prepared } = this;
    const { plan } = prepared;
    const { state, file } = this.made;
    return {
      [SyncPoint.cgroup]: ({ pid }) => this.joinCgroup(pid),
      [SyncPoint.idMap]: async ({ pid }) => {
        raiseLimits(native, pid, plan.limits);
        if (plan.idMaps !== undefined) {
          await writeIdMaps(native, { pid, ...plan.idMaps, ...this.mapper() });
        }
      },
      [SyncPoint.runtimeHooks]: async (child) => {
        this.reachedHooks = true;
        this.identify(child);
        file.saveSummary(state);
        await this.runtimeHooks();
      },
      [SyncPoint.ready]: (child) => {
        requireAlive(native, child);
        this.identify(child);
        state.phase = 'created';
        // Before the helper goes on: from here on it lives without us.
        file.saveSummary(state, this.later);
      },
    };
  }

  private async joinCgroup(pid: number): Promise<void> {
    const { native, fds } = this;
    const { cgroup, demand, state, file } = this.made;
    const { scope } = this.prepared;
    if (cgroup !== undefined) moveIntoCgroup(native, cgroup, pid);
    else if (scope !== undefined) {
      await joinScope(native, scope, pid, demand, fds, (record) => {
        state.cgroup = record;
        Object.assign(state, cgroupSummary(record));
        file.save(state);
      });
    }
  }

  private identify({ pid }: Child): void {
    if (pid !== this.identity.pid) this.learnIdentity(pid);
    if (pid !== this.identity.pid) {
      throw new TsrunError('ERR_SYSTEM', `cannot read the start time of process ${pid}`);
    }
    Object.assign(this.made.state, this.identity);
  }

  /** If the process has already exited, its failure message explains why. */
  private learnIdentity(pid: number): void {
    const stat = readProcessStat(this.native, pid);
    if (stat !== undefined) this.identity = { pid, startTime: stat.startTime };
  }

  private async runtimeHooks(): Promise<void> {
    const { spec, bundle, hookEnvironment } = this.options;
    const run = {
      state: hookState(this.made.state, 'creating'),
      cwd: bundle,
      environment: hookEnvironment,
    };
    for (const kind of ['prestart', 'createRuntime'] as const) {
      await runHooks(this.native, { ...run, kind, hooks: spec.hooks?.[kind] ?? [] });
    }
  }
}
