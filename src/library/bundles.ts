/** Reading bundles and planning without making anything. */

import { loadBundle as load, openRootfs } from '../lifecycle/bundle.js';
import type { Bundle } from '../lifecycle/bundle.js';
import { gatherFacts } from '../lifecycle/facts.js';
import { plannedKeyringName } from '../lifecycle/keyring.js';
import { checkSysctls, openNamespaceFiles } from '../lifecycle/namespaces-own.js';
import { OpenFds } from '../lifecycle/undo.js';
import { loadNative, turns } from '../native/node.js';
import { planContainer as compile } from '../plan/container.js';
import type { ContainerPlan } from '../plan/plan.js';
import { requireCreatable } from '../spec/create-demands.js';
import { validateId } from '../state/id.js';
import { copied } from './copied.js';
import { bundleOf, fromHere, pathFromHere } from './options.js';
import type { PlanOptions } from './options.js';

/**
 * Reads and validates a bundle's config.json.
 *
 * @param path directory of the bundle
 * @returns its absolute path and its spec, which may be changed and given to createContainer
 * @throws TsrunError ERR_BUNDLE when it cannot be read; ERR_CONFIG_INVALID,
 *   with everything that is wrong in `problems`
 */
export async function loadBundle(path: string): Promise<Bundle> {
  const native = loadNative();
  const absolute = pathFromHere(native, path);
  await turns.next();
  return load(native, absolute);
}

/**
 * The plan that createContainer would carry out on this host. Needs no
 * privilege and changes nothing.
 *
 * @throws TsrunError as createContainer does for a configuration that cannot be carried out
 */
export async function planContainer(given: PlanOptions): Promise<ContainerPlan> {
  const native = loadNative();
  const options = fromHere(native, copied(given));
  await turns.next();
  const id = options.id ?? 'container';
  validateId(id);
  const { path: bundle, spec } = bundleOf(native, options);
  requireCreatable(spec);
  const fds = new OpenFds((fd) => native.close(fd));
  try {
    const rootfs = openRootfs(native, bundle, spec);
    fds.add(rootfs.fd);
    const facts = gatherFacts(native, {
      id,
      bundle,
      rootfs,
      namespaces: openNamespaceFiles(native, spec, fds),
      spec,
      protectHostCgroups: options.protectHostCgroups === true,
      noPivot: options.noPivot === true,
      ...(options.noNewKeyring === true ? {} : { keyring: plannedKeyringName(id) }),
      preservedFds: 0,
      listenFds: 0,
    });
    checkSysctls(spec, facts.ownNamespaces);
    return compile(spec, facts);
  } finally {
    fds.closeAll();
  }
}
