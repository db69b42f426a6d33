/** `resume` */

import { resume } from '../../lifecycle/pause.js';
import type { Command } from '../context.js';

export const run: Command<'resume'> = async (context, _options, [id = '']) => {
  await resume(context.native, { root: context.root(), id });
  return 0;
};
