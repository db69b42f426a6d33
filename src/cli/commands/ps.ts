/** `ps` */

import { ps } from '../../lifecycle/ps.js';
import type { Command } from '../context.js';
import { print, toGoJson } from '../output.js';

export const run: Command<'ps'> = async (context, options, [id = '', ...psOptions]) => {
  const pids = await ps(context.native, { root: context.root(), id });
  if (options.format === 'json') {
    await print(context.native, toGoJson(pids));
    return 0;
  }
  const { printProcessTable } = await import('../process-table.js');
  await printProcessTable(context, pids, psOptions);
  return 0;
};
