/** `plan`: shows what create would do, without doing any of it. */

import { prepare } from '../../lifecycle/prepare.js';
import { OpenFds } from '../../lifecycle/undo.js';
import type { Command } from '../context.js';
import { prepareOptions } from '../new-container.js';
import { print, toJson } from '../output.js';

export const run: Command<'plan'> = async (context, options, [id = 'container']) => {
  const { native } = context;
  // Open until the end of the process.
  const fds = new OpenFds((fd) => native.close(fd));
  const plan = await prepare(native, prepareOptions(context, options, id), fds);
  await print(native, toJson(plan));
  return 0;
};
