/** `start` */

import { start } from '../../lifecycle/start.js';
import { variables } from '../../variables.js';
import type { Command } from '../context.js';
import { notifySocket } from '../given.js';

export const run: Command<'start'> = async (context, _options, [id = '']) => {
  const started = await start(context.native, {
    root: context.root(),
    id,
    hookEnvironment: () => variables(context.environment),
    warn: (message) => context.log.warn(message),
    ...notifySocket(context.environment),
  });
  await started.ready;
  return 0;
};
