/** `create` */

import { create } from '../../lifecycle/create.js';
import type { Command } from '../context.js';
import { createOptions } from '../new-container.js';

export const run: Command<'create'> = async (context, options, [id = '']) => {
  const created = await create(context.native, createOptions(context, options, id));
  context.native.close(created.pidfd);
  return 0;
};
