/** `list` */

import { list, listRows } from '../../lifecycle/list.js';
import type { Command } from '../context.js';
import { listTable } from '../list-table.js';
import { print, toGoJson } from '../output.js';

export const run: Command<'list'> = async (context, options) => {
  const { native } = context;
  const how = { root: context.root(), warn: (message: string) => context.log.warn(message) };
  if (options.quiet) {
    await print(
      native,
      listRows(native, how)
        .map(({ id }) => `${id}\n`)
        .join(''),
    );
  } else if (options.format === 'json') {
    await print(native, toGoJson(list(native, how)));
  } else {
    await print(native, listTable(listRows(native, how)));
  }
  return 0;
};
