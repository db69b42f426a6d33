/** `pause` */

import { pause } from '../../lifecycle/pause.js';
import type { Command } from '../context.js';

export const run: Command<'pause'> = async (context, _options, [id = '']) => {
  await pause(context.native, { root: context.root(), id });
  return 0;
};
