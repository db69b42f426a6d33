/** `features` */

import { features } from '../../features.js';
import type { Command } from '../context.js';
import { print, toJson } from '../output.js';

export const run: Command<'features'> = async ({ native }) => {
  await print(native, toJson(features(native)));
  return 0;
};
