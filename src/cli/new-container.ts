/** What `create`, `run` and `plan` make of their options. */

import type { CreateOptions } from '../lifecycle/create.js';
import type { PrepareOptions } from '../lifecycle/prepare.js';
import { loadBundle } from '../lifecycle/bundle.js';
import { userBus } from '../cgroups/systemd/user-bus.js';
import { variables } from '../variables.js';
import { cgroupManager } from './cgroup-manager.js';
import type { Context } from './context.js';
import { activatedDescriptors, preservedDescriptors } from './descriptors.js';
import { given } from './given.js';
import type { Options } from './table.js';

/** @throws TsrunError ERR_BUNDLE, ERR_CONFIG_INVALID, ERR_USAGE */
export function prepareOptions(
  context: Context,
  options: Options<'plan'>,
  id: string,
  bundle = loadBundle(context.native, options.bundle ?? '.'),
): PrepareOptions {
  const { native, environment, globals, log } = context;
  const manager = cgroupManager(globals);
  return {
    root: context.root(),
    id,
    bundle: bundle.path,
    spec: bundle.spec,
    ...(globals.rootless === undefined || globals.rootless === 'auto'
      ? {}
      : { rootless: globals.rootless === 'true' }),
    ...(manager === 'systemd' ? { systemdCgroup: { userBus: userBus(native, environment) } } : {}),
    ...(manager === 'disabled' ? { noCgroup: true } : {}),
    protectHostCgroups: globals['protect-host-cgroups'] ?? false,
    noPivot: options['no-pivot'] ?? false,
    noNewKeyring: options['no-new-keyring'] ?? false,
    debug: (message) => log.debug(message),
  };
}

/** @throws TsrunError ERR_BUNDLE, ERR_CONFIG_INVALID, ERR_USAGE */
export function createOptions(
  context: Context,
  options: Options<'create'>,
  id: string,
): CreateOptions {
  const { environment, log } = context;
  const bundle = loadBundle(context.native, options.bundle ?? '.');
  // Before the directory of states is opened, whose descriptor would be taken for one of the caller's.
  const preserved = preservedDescriptors(
    context,
    options['preserve-fds'] ?? 0,
    activatedDescriptors(context),
  );
  const consoleSocket = given(options['console-socket']);
  const pidFile = given(options['pid-file']);
  const pidfdSocket = given(options['pidfd-socket']);
  const path = environment['PATH'];
  return {
    ...prepareOptions(context, options, id, bundle),
    stdio: [0, 1, 2],
    ...preserved,
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(path === undefined ? {} : { path }),
    hookEnvironment: () => variables(environment),
    notify: given(environment['NOTIFY_SOCKET']) !== undefined,
    warn: (message) => log.warn(message),
  };
}
