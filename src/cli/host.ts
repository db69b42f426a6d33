/** What an executable gives to the command line: the system and what it was started with. */

import type { Native } from '../native/types.js';
import type { Environment } from '../state/root.js';

export interface Host {
  native: Native;
  environment: Environment;
}
