/** `list` */

import { list } from '../../lifecycle/list.js';
import type { Command } from '../context.js';
import { listTable } from '../list-table.js';
import { print, toJson } from '../output.js';

export const run: Command<'list'> = async (context, options) => {
  const views = list(context.native, {
    root: context.root(),
    warn: (message) => context.log.warn(message),
  });
  if (options.quiet) {
    await print(context.native, views.map(({ id }) => `${id}\n`).join(''));
  } else {
    await print(context.native, options.format === 'json' ? toJson(views) : listTable(views));
  }
  return 0;
};
