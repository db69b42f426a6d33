/** spec → plan: everything that `create` is going to do, in order. */

import {
  CLONE_NEWNS,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from '../native/constants.js';
import { planApparmor } from '../apparmor/apparmor.js';
import { TsrunError } from '../errors.js';
import { foreignNamespaces, NAMESPACE_FLAG } from '../namespaces/namespaces.js';
import type { Places } from '../namespaces/namespaces.js';
import type { Stage } from '../namespaces/stages.js';
import { timeOffsetLines } from '../namespaces/time-offsets.js';
import { planProcessLabel } from '../selinux/selinux.js';
import { pointerToken } from '../spec/problem.js';
import { isSysctlName, sysctlFile } from '../spec/sysctl.js';
import type { LinuxNamespace, LinuxNamespaceType, Linux, Spec } from '../spec/types.js';
import { planBeginning } from './beginning.js';
import type { Beginning } from './beginning.js';
import { grantableCapabilities } from './capabilities.js';
import { ownsDev, parentMakes, planDeviceLinks, planDevices } from './devices.js';
import type { DeviceOrigin } from './devices.js';
import { hookStateParts, planContainerHooks, stopsForHooks } from './hooks.js';
import type { HookPlace } from './hooks.js';
import { invalid, unsupported } from './invalid.js';
import { cgroupContext } from './mounts/cgroup.js';
import { mountIdMap } from './mounts/id-map.js';
import { KeptMounts } from './mounts/kept.js';
import { clearsReadOnly, planHostBind, planMount } from './mounts/mount.js';
import type { MountContext, ParsedMount } from './mounts/mount.js';
import { parseMountOptions } from './mounts/options.js';
import { planPrivateProc } from './mounts/proc.js';
import { ProtectedCgroups } from './mounts/protected-cgroups.js';
import { sourceMode, Sources } from './mounts/sources.js';
import { clean, resolve } from './path.js';
import type { ContainerPlan, PlanFacts, PlanInput } from './plan.js';
import { planConsole, planKeyring, planOomScoreAdj, planProcess, syncStep } from './process.js';
import { planRaisedLimits } from './rlimits.js';
import { filterLoading, planFilter } from './seccomp.js';
import { rootPropagation } from './root.js';
import type { RootPropagation } from './root.js';
import { Slots } from './slots.js';
import type { Slot, Step, StepBody } from './steps.js';
import { allowsSetgroups, isPrivileged, keepsGroups, setupIds } from './user-namespace.js';

/** Where the relayed NOTIFY_SOCKET is inside. */
const NOTIFY_DIRECTORY = '/run/notify';

/**
 * @throws TsrunError ERR_CONFIG_INVALID or ERR_UNSUPPORTED, with the pointer of the field
 */
export function planContainer(
  spec: Spec,
  facts: PlanFacts,
  beginning: Beginning = planBeginning(spec, facts),
): ContainerPlan {
  const { process, root, linux } = spec;
  if (process === undefined) throw invalid('/process', 'must be given to create a container');
  if (root === undefined) throw invalid('/root', 'must be given to create a container');
  const { places, stages, late, writesToUndumpable } = beginning;
  requireMountNamespace(spec, places, facts);

  const warnings = [...beginning.warnings];
  const slots = new Slots();
  const joins = openNamespaces(linux, places, slots);
  const fifo = slots.input({ kind: 'fifo', at: '' });
  const report = slots.input({ kind: 'report', at: '' });
  const filter = planFilter(
    linux?.seccomp === undefined ? undefined : filterLoading(linux.seccomp),
    slots,
  );
  // A mount namespace that is joined may have something else there.
  const rootSlot = places.mount === 'joined' ? -1 : slots.input({ kind: 'root', at: '/root/path' });
  const propagation = rootPropagation(linux?.rootfsPropagation);
  const mounts = planMounts(spec, facts, places, joins.user ?? -1, propagation, slots, warnings);
  const setgroups = allowsSetgroups(linux, places, facts);
  const keepGroups = keepsGroups(spec.annotations);
  const program = planProcess(process, {
    at: '/process',
    personality: linux?.personality,
    // process.execCPUAffinity is about exec only.
    hasAffinity: false,
    grantable: grantableCapabilities(facts, places.user === 'own'),
    setgroups,
    keepGroups,
    environment: runtimeEnvironment(facts),
    readRootFile: (path) => facts.readRootFile(path),
    warnings,
    filter: filter.steps,
  });
  const ownMounts = places.mount !== 'own';
  const labels = [
    ...planApparmor(process.apparmorProfile, facts.apparmor, '/process'),
    ...planProcessLabel(facts.processLabel, '/process'),
  ];
  const writes = sysctls(linux);
  const limits = places.user === 'own' ? [] : planRaisedLimits(program.privileged);

  const steps: Step[] = [
    ...(writesToUndumpable ? [] : planOomScoreAdj(process)),
    ...(beginning.joinsFirst ? [syncStep('cgroup')] : []),
    ...(places.user === 'joined' && limits.length > 0 ? [syncStep('limits')] : []),
    ...enterNamespaces(stages.enter, linux, joins),
    ...becomeRoot(linux, places, stages.unshare & ~(late ?? 0), setgroups && !keepGroups, [
      ...openTrees(places, mounts.openTrees, propagation),
      ...lockTrees(places, mounts.steps, slots.inputs, propagation),
      ...(ownMounts ? rootMount(root.path, facts, rootSlot, propagation) : []),
    ]),
    // The namespaces are made before the helper has its plan, when nothing comes before them.
    ...(writesToUndumpable ? planOomScoreAdj(process) : []),
    ...(late === undefined ? [] : [syncStep('cgroup'), ...unshareStep(late)]),
    { op: 'session', at: '' },
    // Before the change of root: where a new procfs cannot be made, this takes the host's, and
    // where it can, the kernel wants to see one that hides nothing.
    ...(writes.length > 0 || labels.length > 0
      ? [planPrivateProc(places, facts.initialUserNamespace)]
      : []),
    ...planKeyring(facts.keyring, facts.processLabel, '/process'),
    ...names(spec, places),

    ...(ownMounts ? mounts.steps : []),
    ...(stopsForHooks(spec.hooks) ? [syncStep('runtimeHooks')] : []),
    ...containerHooks(spec, facts, 'createContainer', 'creating', {
      env: [],
      inRoot: true,
      slot: ownMounts ? -1 : rootSlot,
    }),
    // After devpts, and after the hooks, whose output is not the terminal's.
    ...planConsole(process, '/process', ownMounts, facts.foreground === true),
    ...changeRoot(root.path, places, facts, rootSlot),
    // Devices and their links alone, for which there is no root before.
    ...(ownMounts ? [] : mounts.steps),

    // While the root is still writable.
    ...makeCwd(process.cwd),
    ...mounts.late,
    ...(root.readonly === true
      ? [
          {
            op: 'root-attributes',
            at: '/root/readonly',
            set: MOUNT_ATTR_RDONLY,
            clear: 0,
          } satisfies Step,
        ]
      : []),
    // Before readonlyPaths, which are the usual end of writing to /proc/sys.
    ...writes,
    ...hidePaths(linux?.readonlyPaths, '/linux/readonlyPaths', (target) => ({
      op: 'readonly',
      target,
    })),
    ...hidePaths(linux?.maskedPaths, '/linux/maskedPaths', (target) => ({
      op: 'mask',
      target,
      label: facts.mountLabel ?? '',
    })),
    // After the last bind mount: of an unbindable mount there can be none.
    ...(propagation.root === 0
      ? []
      : [
          {
            op: 'root-propagation',
            at: '/linux/rootfsPropagation',
            flags: propagation.root,
          } satisfies Step,
        ]),
    // Of the next execve: the procfs goes with the next step.
    ...labels,
    // Before anything of the container's can look into the process: hooks, an exec at the gate.
    { op: 'forget', at: '', keep: [fifo, report, ...(filter.slot < 0 ? [] : [filter.slot])] },

    ...program.privileged,
    ...program.identity,
    program.find,
    syncStep('ready'),
    ...program.filter,
    { op: 'gate', at: '', fifo, report },
    ...containerHooks(spec, facts, 'startContainer', 'created', {
      env: program.exec.env,
      inRoot: false,
      slot: -1,
    }),
    program.exec,
  ];

  requireBegun(beginning, steps, facts.cgroup !== undefined);
  const { cloneFlags, earlyNamespaces, cgroupWrites, cgroupJoin, cgroupSubgroup } = beginning;
  return {
    cloneFlags,
    earlyNamespaces,
    inputs: slots.inputs,
    slots: slots.count,
    steps,
    ...(places.user === 'new'
      ? {
          idMaps: {
            uidMappings: linux?.uidMappings ?? [],
            gidMappings: linux?.gidMappings ?? [],
          },
        }
      : {}),
    limits,
    ...(process.oomScoreAdj === undefined ? {} : { oomScoreAdj: process.oomScoreAdj }),
    ...(cgroupWrites === undefined ? {} : { cgroupWrites }),
    cgroupJoin,
    ...(cgroupSubgroup === undefined ? {} : { cgroupSubgroup }),
    terminal: process.terminal === true,
    namespaces: foreignNamespaces(places),
    setgroups,
    warnings,
  };
}

/** A process that has been started goes by the beginning: the steps must not say anything else. */
function requireBegun(beginning: Beginning, steps: readonly Step[], hasCgroup: boolean): void {
  const { earlyNamespaces, cgroupSubgroup, places } = beginning;
  const [first, second] = steps;
  const isFirst = first?.op === 'dumpable' && !first.on && second?.op === 'unshare';
  const limits =
    hasCgroup && places.cgroup === 'new' && steps.some(({ op }) => op === 'protect-limits');
  if (earlyNamespaces !== (isFirst ? second.flags : 0) || (limits && cgroupSubgroup !== true)) {
    throw new TsrunError('ERR_SYSTEM', 'the plan does not go on as it begins');
  }
}

/** Without one, everything below would happen to the host. */
function requireMountNamespace(spec: Spec, places: Places, facts: PlanFacts): void {
  if (places.mount !== 'own') return;
  const { linux, mounts, root } = spec;
  const wanting: (readonly [string, boolean])[] = [
    ['/mounts', (mounts?.length ?? 0) > 0],
    ['/root/readonly', root?.readonly === true],
    ['/linux/rootfsPropagation', (linux?.rootfsPropagation ?? '') !== ''],
    ['/linux/maskedPaths', (linux?.maskedPaths?.length ?? 0) > 0],
    ['/linux/readonlyPaths', (linux?.readonlyPaths?.length ?? 0) > 0],
  ];
  for (const [pointer, wants] of wanting) {
    if (wants) throw invalid(pointer, 'needs a mount namespace in /linux/namespaces');
  }
  if (places.user !== 'own' || !facts.initialUserNamespace) {
    throw unsupported(
      '/linux/namespaces',
      'a container in a user namespace needs a mount namespace, for its devices',
    );
  }
  if (facts.notifyDirectory !== undefined) {
    throw unsupported('/linux/namespaces', 'NOTIFY_SOCKET needs a mount namespace');
  }
}

type Joins = Partial<Record<LinuxNamespaceType, { slot: Slot; at: string }>>;

function openNamespaces(
  linux: Linux | undefined,
  places: Places,
  slots: Slots,
): Joins & { user?: { slot: Slot; at: string } } {
  const joins: Joins = {};
  (linux?.namespaces ?? []).forEach(({ type, path }: LinuxNamespace, index) => {
    if (places[type] !== 'joined' || path === undefined) return;
    const at = `/linux/namespaces/${index}`;
    joins[type] = {
      slot: slots.input({ kind: 'namespace', at, path, flag: NAMESPACE_FLAG[type] }),
      at,
    };
  });
  return joins;
}

function enterNamespaces(stages: readonly Stage[], linux: Linux | undefined, joins: Joins): Step[] {
  return stages.map((stage): Step => {
    switch (stage.op) {
      case 'join': {
        const join = joins[stage.type] ?? { slot: -1, at: '' };
        return { op: 'setns', at: join.at, fd: join.slot, flags: NAMESPACE_FLAG[stage.type] };
      }
      case 'fork':
        return { op: 'fork', at: '/linux/namespaces', flags: stage.flags };
      case 'id-map':
        return syncStep('idMap');
      case 'open-offsets':
        return { op: 'open-offsets', at: '/linux/timeOffsets' };
      case 'time':
        return {
          op: 'time',
          at: '/linux/timeOffsets',
          offsets: timeOffsetLines(linux?.timeOffsets),
        };
      case 'undumpable':
        return { op: 'dumpable', at: '', on: false };
    }
  });
}

/** Cuts the tree of mounts off the host's, and opens what is to be bound. */
function openTrees(places: Places, trees: readonly Step[], propagation: RootPropagation): Step[] {
  if (places.mount === 'own') return [...trees];
  const cut: Step = {
    op: 'propagation',
    at: '/linux/rootfsPropagation',
    flags: propagation.tree,
  };
  // Before the tree is cut off the host's, if the container's mounts are to reach there.
  return propagation.shared ? [...trees, cut] : [cut, ...trees];
}

/**
 * The sources that the parent has opened, for a mount namespace that belongs to another user
 * namespace. Not what is to be shared with the host's mounts, which a tree from inside is not.
 */
function lockTrees(
  places: Places,
  steps: readonly Step[],
  inputs: readonly PlanInput[],
  propagation: RootPropagation,
): Step[] {
  if (places.user === 'own' || places.mount !== 'new' || propagation.shared) return [];
  return steps.flatMap((step): Step[] => {
    if (step.op !== 'bind' || !step.at.startsWith('/mounts/')) return [];
    if (inputs[step.slot]?.kind !== 'tree') return [];
    return [{ op: 'lock-tree', at: step.at, slot: step.slot }];
  });
}

/**
 * The remaining namespaces, owned by the container's user namespace, and its
 * root. In between, still with the caller's ids, what only the caller may
 * reach: the trees to be bound, and the root file system.
 */
function becomeRoot(
  linux: Linux | undefined,
  places: Places,
  unshare: number,
  setgroups: boolean,
  opened: readonly Step[],
): Step[] {
  if (places.user === 'own') return [...unshareStep(unshare), ...opened];
  return [
    ...unshareStep(unshare & CLONE_NEWNS),
    ...opened,
    {
      op: 'become',
      at: '/linux/uidMappings',
      ...setupIds(linux, places),
      clearGroups: setgroups,
    },
    ...unshareStep(unshare & ~CLONE_NEWNS),
  ];
}

function unshareStep(flags: number): Step[] {
  return flags === 0 ? [] : [{ op: 'unshare', at: '/linux/namespaces', flags }];
}

function names(spec: Spec, places: Places): Step[] {
  const steps: Step[] = [];
  if (places.network === 'new') steps.push({ op: 'loopback', at: '' });
  for (const field of ['hostname', 'domainname'] as const) {
    const name = spec[field];
    if (name === undefined || name === '') continue;
    if (places.uts === 'own') throw invalid(`/${field}`, "the uts namespace is the runtime's own");
    steps.push({ op: field, at: `/${field}`, name });
  }
  return steps;
}

function rootMount(
  path: string,
  facts: PlanFacts,
  slot: Slot,
  { shared, first }: RootPropagation,
): Step[] {
  const at = '/root/path';
  return [
    { op: 'root', at, path: resolve(facts.bundle, path), slot, sharing: shared },
    ...(first === 0 ? [] : [{ op: 'root-propagation', at, flags: first } satisfies Step]),
  ];
}

interface MountPlan {
  openTrees: Step[];
  steps: Step[];
  late: Step[];
}

/** mounts, devices and what belongs to them. */
function planMounts(
  spec: Spec,
  facts: PlanFacts,
  places: Places,
  joinedUser: { slot: Slot } | -1,
  propagation: RootPropagation,
  slots: Slots,
  warnings: string[],
): MountPlan {
  const userSlot = joinedUser === -1 ? -1 : joinedUser.slot;
  const parsed = (spec.mounts ?? []).map((mount, index): ParsedMount => {
    const at = `/mounts/${index}`;
    const options = parseMountOptions(mount.options ?? []);
    const idMap = mountIdMap(mount, options, at, spec.linux, places, userSlot, slots);
    return { mount, options, at, idMap };
  });
  const mode = sourceMode(places, isPrivileged(facts), propagation.shared);
  const rootPath = clean(resolve(facts.bundle, spec.root?.path ?? ''));
  const sources = new Sources(mode, slots, propagation, rootPath);
  const kept = new KeptMounts();
  const cgroups = cgroupContext(spec, places, facts);
  const context: MountContext = {
    ...cgroups,
    sources,
    warnings,
    late: [],
    cgroups: new ProtectedCgroups(cgroups, kept, warnings),
    kept,
    clearsBelow: parsed.some(({ options }) => clearsReadOnly(options.recursiveAttributes)),
    label: facts.mountLabel,
  };
  const steps: Step[] = [];
  for (const entry of parsed) {
    steps.push(...planMount(entry, context, steps));
    if (!entry.options.remount) sources.mounted(clean(entry.mount.destination));
  }
  if (facts.notifyDirectory !== undefined) {
    const attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    steps.push(planHostBind(facts.notifyDirectory, NOTIFY_DIRECTORY, attributes, '', sources));
  }
  const bound = parsed.map(({ mount, options }) => ({
    mount,
    bind: options.bind || mount.type === 'bind',
  }));
  if (ownsDev(bound)) {
    const origin = deviceOrigin(spec, facts, places, sources, slots);
    const destinations = parsed.map(({ mount }) => clean(mount.destination));
    steps.push(
      ...planDevices(spec.linux?.devices ?? [], origin, destinations),
      ...planDeviceLinks(),
    );
  }
  kept.assign(slots);
  return { openTrees: sources.openTrees, steps, late: context.late };
}

function deviceOrigin(
  { linux }: Spec,
  facts: PlanFacts,
  places: Places,
  bound: Sources,
  slots: Slots,
): DeviceOrigin {
  if (places.user === 'own' && facts.initialUserNamespace) return 'made';
  if (!parentMakes(places, facts)) return { bound };
  return {
    ...{ bound, slots, label: facts.mountLabel ?? '' },
    ...{ uids: linux?.uidMappings ?? [], gids: linux?.gidMappings ?? [] },
  };
}

function containerHooks(
  spec: Spec,
  facts: PlanFacts,
  kind: 'createContainer' | 'startContainer',
  status: 'creating' | 'created',
  place: HookPlace,
): Step[] {
  return planContainerHooks(spec.hooks?.[kind], `/hooks/${kind}`, place, () =>
    hookStateParts(spec, facts, status),
  );
}

function changeRoot(path: string, places: Places, facts: PlanFacts, slot: Slot): Step[] {
  const at = '/root/path';
  if (places.mount === 'own')
    return [{ op: 'chroot', at, path: resolve(facts.bundle, path), slot }];
  if (!facts.noPivot) return [{ op: 'pivot', at }];
  const label = facts.mountLabel ?? '';
  const covers = (facts.hostMounts ?? []).map((host): Step => ({
    op: 'cover',
    at,
    path: host,
    label,
  }));
  return [...covers, { op: 'move-root', at }];
}

function makeCwd(cwd: string): Step[] {
  return cwd === '/' ? [] : [{ op: 'mkdir', at: '/process/cwd', target: cwd, mode: 0o755 }];
}

function sysctls(linux: Linux | undefined): Step[] {
  return Object.entries(linux?.sysctl ?? {}).map(([key, value]) => {
    const at = `/linux/sysctl/${pointerToken(key)}`;
    if (!isSysctlName(key)) throw invalid(at, `not the name of a sysctl: ${key}`);
    return { op: 'sysctl', at, file: sysctlFile(key), value };
  });
}

function hidePaths(
  paths: readonly string[] | undefined,
  at: string,
  hide: (target: string) => StepBody,
): Step[] {
  const steps: Step[] = [];
  if (paths === undefined) return steps;
  const hidden = new Set<string>();
  for (let i = 0; i < paths.length; i++) {
    const path = clean(paths[i] ?? '');
    if (hidden.has(path)) continue;
    hidden.add(path);
    steps.push({ ...hide(path), at: `${at}/${i}` });
  }
  return steps;
}

function runtimeEnvironment(facts: PlanFacts): string[] {
  const environment: string[] = [];
  if (facts.listenFds > 0) {
    // The program is the first process of its pid namespace (sd_listen_fds(3)).
    environment.push(`LISTEN_FDS=${facts.listenFds}`, 'LISTEN_PID=1');
  }
  if (facts.notifyDirectory !== undefined) {
    environment.push(`NOTIFY_SOCKET=${NOTIFY_DIRECTORY}/notify.sock`);
  }
  return environment;
}
