/** `state` */

import { state } from '../../lifecycle/state.js';
import type { Command } from '../context.js';
import { listTable } from '../list-table.js';
import { print, toGoJson } from '../output.js';

export const run: Command<'state'> = async (context, options, [id = '']) => {
  const view = state(context.native, { root: context.root(), id });
  await print(context.native, options.format === 'table' ? listTable([view]) : toGoJson(view, 2));
  return 0;
};
