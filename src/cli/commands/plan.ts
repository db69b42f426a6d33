/** `plan`: shows what create would do, without doing any of it. */

import { loadBundle, rootfsPath } from '../../lifecycle/bundle.js';
import { gatherFacts } from '../../lifecycle/facts.js';
import { planContainer } from '../../plan/container.js';
import { requireCreatable } from '../../spec/create-demands.js';
import { stringifyJson } from '../../spec/json.js';
import { validateId } from '../../state/id.js';
import type { Command } from '../context.js';
import { print } from '../output.js';

export const run: Command<'plan'> = async ({ native }, options, [id = 'container']) => {
  validateId(id);
  const { path: bundle, spec } = loadBundle(native, options.bundle ?? '.');
  requireCreatable(spec);
  const facts = gatherFacts(native, {
    id,
    bundle,
    rootfs: rootfsPath(native, bundle, spec),
    spec,
    noPivot: options['no-pivot'] ?? false,
    noNewKeyring: options['no-new-keyring'] ?? false,
    preservedFds: 0,
    listenFds: 0,
  });
  await print(native, `${stringifyJson(planContainer(spec, facts), 2)}\n`);
  return 0;
};
