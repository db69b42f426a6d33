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

/**
 * Node raises its soft limit of open files to the hard one when it starts, and
 * a container without limits of its own would get that. What the limit was is
 * best known from who started us.
 */
function restoreOpenFilesLimit(native: Native): void {
  const RLIMIT_NOFILE = 7;
  const limits = native.readText(`/proc/${String(process.ppid)}/limits`, 1 << 16);
  const soft = typeof limits === 'string' ? /^Max open files +(\d+)/m.exec(limits)?.[1] : undefined;
  if (soft !== undefined) native.setSoftLimit(RLIMIT_NOFILE, Number(soft));
}

// A write beyond RLIMIT_FSIZE then fails with EFBIG, which is told and undone. What is executed in a
// container, and each hook, gets the default again.
process.on('SIGXFSZ', () => undefined);

const native = nativeOrExit();
restoreOpenFilesLimit(native);
const status = await main(
  { native, environment: environment() },
  parseWithCommander(process.argv.slice(2)),
);
// Without it a wait that nobody needs any more would keep the program alive.
process.exit(status);
