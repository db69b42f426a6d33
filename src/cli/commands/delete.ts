/** `delete` */

import { deleteContainer } from '../../lifecycle/delete.js';
import { variables } from '../../variables.js';
import type { Command } from '../context.js';

export const run: Command<'delete'> = async (context, options, [id = '']) => {
  await deleteContainer(context.native, {
    root: context.root(),
    id,
    force: options.force ?? false,
    hookEnvironment: () => variables(context.environment),
    warn: (message) => context.log.warn(message),
  });
  return 0;
};
