/** `update` */

import { update } from '../../lifecycle/update.js';
import type { Command } from '../context.js';
import { requestedResources } from '../update-options.js';

export const run: Command<'update'> = async (context, options, [id = '']) => {
  const warn = (message: string): void => context.log.warn(message);
  const resources = await requestedResources(context, options);
  await update(context.native, { root: context.root(), id, resources, warn });
  return 0;
};
