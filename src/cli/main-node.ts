#!/usr/bin/env node
/** tsrun on Node. */

import { TsrunError } from '../errors.js';
import { environment, loadNative } from '../native/node.js';
import type { Native } from '../native/types.js';
import { parseWithCommander } from './commander.js';
import { main } from './main.js';

function nativeOrExit(): Native {
  try {
    return loadNative();
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    process.stderr.write(`tsrun: ${error.message}\n`);
    process.exit(1);
  }
}

const status = await main(
  { native: nativeOrExit(), environment: environment() },
  parseWithCommander(process.argv.slice(2)),
);
// Without it a wait that nobody needs any more would keep the program alive.
process.exit(status);
