/** `kill` */

import { kill } from '../../lifecycle/kill.js';
import type { Command } from '../context.js';
import { signalNumber } from '../signals.js';

export const run: Command<'kill'> = async (context, options, [id = '', signal = 'TERM']) => {
  await kill(context.native, {
    root: context.root(),
    id,
    signal: signalNumber(signal),
    all: options.all ?? false,
  });
  return 0;
};
