/** `plan`: shows what create would do, without doing any of it. */

import { loadBundle, openRootfs } from '../../lifecycle/bundle.js';
import { isPrivileged, readCaller } from '../../lifecycle/caller.js';
import { userBus } from '../../cgroups/systemd/user-bus.js';
import { plannedKeyringName } from '../../lifecycle/keyring.js';
import { NewScope } from '../../lifecycle/scope.js';
import { gatherFacts } from '../../lifecycle/facts.js';
import { openNamespaceFiles } from '../../lifecycle/namespaces-own.js';
import { OpenFds } from '../../lifecycle/undo.js';
import { planContainer } from '../../plan/container.js';
import { requireCreatable } from '../../spec/create-demands.js';
import { validateId } from '../../state/id.js';
import { cgroupManager } from '../cgroup-manager.js';
import type { Command } from '../context.js';
import { print, toJson } from '../output.js';

export const run: Command<'plan'> = async (context, options, [id = 'container']) => {
  const { native, environment, globals } = context;
  validateId(id);
  const manager = cgroupManager(globals);
  const { path: bundle, spec } = loadBundle(native, options.bundle ?? '.');
  requireCreatable(spec);
  const scope =
    manager === 'systemd'
      ? await NewScope.find(native, {
          root: context.root(),
          id,
          spec,
          privileged: isPrivileged(readCaller(native)),
          userBus: userBus(native, environment),
        })
      : undefined;
  scope?.bus.close();
  const rootfs = openRootfs(native, bundle, spec);
  const facts = gatherFacts(native, {
    id,
    bundle,
    rootfs,
    // Open until the end of the process, like the root file system.
    namespaces: openNamespaceFiles(native, spec, new OpenFds((fd) => native.close(fd))),
    spec,
    protectHostCgroups: globals['protect-host-cgroups'] ?? false,
    noPivot: options['no-pivot'] ?? false,
    ...(options['no-new-keyring'] === true ? {} : { keyring: plannedKeyringName(id) }),
    preservedFds: 0,
    listenFds: 0,
    ...(scope === undefined ? {} : { scope: scope.place }),
    noCgroup: manager === 'disabled',
  });
  await print(native, toJson(planContainer(spec, facts)));
  return 0;
};
