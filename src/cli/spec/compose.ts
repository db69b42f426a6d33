/** What `spec` writes: a configuration to begin with, profiles, and then each option in its place. */

import { findUnifiedHierarchy } from '../../cgroups/mount.js';
import type { UnifiedHierarchy } from '../../cgroups/mount.js';
import { TsrunError } from '../../errors.js';
import { ENOENT } from '../../native/constants.js';
import type { Native } from '../../native/types.js';
import { defaultProfile } from '../../seccomp/default-profile.js';
import type { Machine } from '../../seccomp/default-profile.js';
import { requireSpec } from '../../spec/load.js';
import type { Spec } from '../../spec/types.js';
import type { Options } from '../table.js';
import { bindMount } from './bind.js';
import { changeCapabilities } from './capabilities.js';
import type { Config } from './default-config.js';
import { defaultConfig, forRootless, withHostSysfs } from './default-config.js';
import { withVariables } from './env.js';
import { cpuQuota, memoryLimit } from './limits.js';
import { merge } from './merge.js';
import { withNetwork } from './network.js';
import { readProfile } from './profile.js';
import { systemConfig } from './system-config.js';
import { idMappings } from './userns.js';

type SpecOptions = Options<'spec'>;

/**
 * @param command process.args; empty to leave it as it is
 * @throws TsrunError ERR_USAGE for a value that is none; ERR_CONFIG_INVALID
 * when profiles and options together are not a valid config.json
 */
export function composeSpec(
  native: Native,
  options: SpecOptions,
  command: readonly string[],
): Spec {
  const base = baseConfig(native, options);
  const profiles = options.profile ?? [];
  const merged = profiles.reduce<unknown>(
    (config, path) => merge(config, readProfile(native, path)),
    base,
  );
  // A profile may be anything: checked before it is taken for a configuration.
  const checked = profiles.length === 0 ? base : requireSpec(merged);
  const config = withOptions(checked, options, command, () => machineOf(native));
  return requireSpec(config);
}

/** Without /proc the layout is unknown: `spec` assumes no hierarchy, and `create` looks again. */
function layoutOf(native: Native): UnifiedHierarchy['layout'] | undefined {
  try {
    return findUnifiedHierarchy(native)?.layout;
  } catch (error) {
    if (error instanceof TsrunError && error.errno === ENOENT) return undefined;
    throw error;
  }
}

/** The configuration to begin with: application or system, privileged or not. */
function baseConfig(native: Native, options: SpecOptions): Config {
  const layout = layoutOf(native);
  const unprivileged = options.rootless === true;
  const userNamespace = unprivileged || options.userns !== undefined;
  // What a system writes to must be its own part of the tree, beside v1 hierarchies too.
  const config = options.system
    ? systemConfig(layout !== undefined, userNamespace)
    : defaultConfig(layout === 'unified');
  if (!userNamespace) return config;

  const own = { size: 1, containerID: 0 };
  const mappings =
    options.userns === undefined
      ? {
          uidMappings: [{ ...own, hostID: native.getuid()[1] }],
          gidMappings: [{ ...own, hostID: native.getgid()[1] }],
        }
      : idMappings(native, options.userns, unprivileged || native.getuid()[1] !== 0);
  if (unprivileged) return forRootless(config, mappings);
  return {
    ...config,
    linux: {
      ...mappings,
      ...config.linux,
      namespaces: [...config.linux.namespaces, { type: 'user' }],
    },
  };
}

/** By the number that AUDIT_ARCH_X86_64 is. */
function machineOf(native: Native): Machine {
  return native.seccompSystem().includes(' arch 3221225534 ') ? 'x86_64' : 'aarch64';
}

function withOptions(
  config: Spec,
  options: SpecOptions,
  command: readonly string[],
  machine: () => Machine,
): Spec {
  let { process, root, mounts = [], linux = {} } = config;
  if (process !== undefined) {
    const { env = [], capabilities = {} } = process;
    process = {
      ...process,
      ...(command.length > 0 ? { args: [...command] } : {}),
      ...(options.tty === undefined ? {} : { terminal: options.tty }),
      ...(options.apparmor === undefined ? {} : { apparmorProfile: options.apparmor }),
      env: withVariables(env, options.env ?? []),
      capabilities: changeCapabilities(
        capabilities,
        options['cap-add'] ?? [],
        options['cap-drop'] ?? [],
      ),
    };
  }
  if (root !== undefined && options['read-only'] !== undefined) {
    root = { ...root, readonly: options['read-only'] };
  }
  mounts = [...mounts, ...(options.bind ?? []).map(bindMount)];
  if (options.network !== undefined) {
    const namespaces = withNetwork(linux.namespaces ?? [], options.network);
    linux = { ...linux, namespaces };
    // A sysfs can only be made by who owns the network it shows.
    const user = namespaces.some(({ type }) => type === 'user');
    if (options.network !== 'none' && user) mounts = mounts.map(withHostSysfs);
  }
  linux = withLimits(linux, options);
  if (options.seccomp !== undefined) {
    // By what is granted in the end.
    const granted = new Set(process?.capabilities?.bounding ?? []);
    linux = { ...linux, seccomp: defaultProfile(machine(), granted) };
  }
  return {
    ...config,
    ...(process === undefined ? {} : { process }),
    ...(root === undefined ? {} : { root }),
    ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
    mounts,
    linux,
  };
}

function withLimits(linux: NonNullable<Spec['linux']>, options: SpecOptions): typeof linux {
  const { memory, cpus } = options;
  if (memory === undefined && cpus === undefined) return linux;
  const { resources = {} } = linux;
  return {
    ...linux,
    resources: {
      ...resources,
      ...(memory === undefined
        ? {}
        : { memory: { ...resources.memory, limit: memoryLimit(memory) } }),
      ...(cpus === undefined ? {} : { cpu: { ...resources.cpu, ...cpuQuota(cpus) } }),
    },
  };
}
