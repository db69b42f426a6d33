/** The state of a container that is being made. */

import { namespacePlaces } from '../namespaces/namespaces.js';
import { setupIds } from '../plan/user-namespace.js';
import { filterLoading } from '../plan/seccomp.js';
import type { Step } from '../plan/steps.js';
import type { CgroupRecord } from '../cgroups/manager.js';
import type { LinuxSeccomp } from '../spec/types.js';
import { STATE_VERSION } from '../state/state.js';
import type { ContainerState, LateStep } from '../state/state.js';
import { isPrivileged } from './caller.js';
import type { PrepareOptions, Prepared } from './prepare.js';

export function firstState(
  { id, bundle, spec }: PrepareOptions,
  { caller, rootfs, plan, scope, keyring }: Prepared,
  boot: Pick<ContainerState, 'boot'>,
  cgroup: CgroupRecord | null,
): ContainerState {
  const namespaces = spec.linux?.namespaces ?? [];
  return {
    version: STATE_VERSION,
    ociVersion: spec.ociVersion,
    id,
    phase: 'creating',
    pid: 0,
    startTime: 0,
    bundle,
    rootfs: rootfs.path,
    created: new Date().toISOString(),
    annotations: spec.annotations ?? {},
    owner: '',
    ...cgroupSummary(cgroup),
    ...boot,
    cgroup,
    ...(scope === undefined ? {} : { scope: scope.record }),
    namespaces: plan.namespaces,
    newPidNamespace: namespaces.some(
      ({ type, path }) => type === 'pid' && (path === undefined || path === ''),
    ),
    setup: setupIds(spec.linux, namespacePlaces(namespaces, 0)),
    rootless: !isPrivileged(caller),
    ...(keyring === undefined ? {} : { keyring }),
    terminal: plan.terminal,
    hooks: { poststart: spec.hooks?.poststart ?? [], poststop: spec.hooks?.poststop ?? [] },
    ...(spec.linux?.seccomp === undefined ? {} : { seccomp: filterState(spec.linux.seccomp) }),
  };
}

/** What the summary has of it. */
export function cgroupSummary(
  cgroup: CgroupRecord | null,
): Pick<ContainerState, 'cgroupPath' | 'cgroupHierarchy'> {
  if (cgroup === null) return { cgroupPath: null };
  const { path, hierarchy } = cgroup;
  return { cgroupPath: path, ...(hierarchy && { cgroupHierarchy: hierarchy }) };
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
export function lateSteps(steps: readonly Step[]): LateStep[] {
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
