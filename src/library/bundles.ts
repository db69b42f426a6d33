/** Reading bundles and planning without making anything. */

import { loadBundle as load } from '../lifecycle/bundle.js';
import type { Bundle } from '../lifecycle/bundle.js';
import { prepare } from '../lifecycle/prepare.js';
import { OpenFds } from '../lifecycle/undo.js';
import { loadNative, turns } from '../native/node.js';
import type { ContainerPlan } from '../plan/plan.js';
import { copied } from './copied.js';
import {
  bundleOf,
  contextOf,
  fromHere,
  pathFromHere,
  prepareOptions,
  withRoot,
} from './options.js';
import type { PlanOptions, RootOptions } from './options.js';

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
export async function planContainer(given: PlanOptions & RootOptions): Promise<ContainerPlan> {
  const context = contextOf(given);
  const { native } = context;
  const options = fromHere(native, copied(given));
  await turns.next();
  const { path: bundle, spec } = bundleOf(native, options);
  const fds = new OpenFds((fd) => native.close(fd));
  try {
    return await withRoot(context, (root) =>
      prepare(
        native,
        { ...prepareOptions(native, options), id: options.id ?? 'container', root, bundle, spec },
        fds,
      ),
    );
  } finally {
    fds.closeAll();
  }
}
