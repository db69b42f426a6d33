/**
 * The native interface on Node: the addon. Like src/cli/main-node.ts this file
 * belongs to the Node host and is no part of the core.
 */

import { createRequire } from 'node:module';

import { TsrunError } from '../errors.js';
import { Turns } from './turns.js';
import type { Native } from './types.js';
import { spreadWaits } from './spread-waits.js';

/** From src/native as from dist/native. */
const ADDON = '../../native/build/Release/tsrun.node';

let loaded: Native | undefined;

/** Of this thread's event loop. Taken when the module is loaded: a program's tests may put others in their place. */
const { setImmediate, performance } = globalThis;
export const turns = new Turns({
  now: () => performance.now(),
  later: (callback) => {
    setImmediate(callback);
  },
});

/**
 * Loads the addon, once.
 *
 * @throws TsrunError ERR_SYSTEM when it has not been built or does not fit this Node
 */
export function loadNative(): Native {
  loaded ??= requireAddon();
  return loaded;
}

function requireAddon(): Native {
  const require = createRequire(import.meta.url);
  try {
    return spreadWaits(require(ADDON) as Native, turns);
  } catch (error) {
    const reason =
      typeof error === 'object' && error !== null && 'code' in error
        ? `: ${String(error.code)}`
        : '';
    throw new TsrunError(
      'ERR_SYSTEM',
      `cannot load the native addon (npm run build:native makes it)${reason}`,
    );
  }
}

/** The program's environment as it is now. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
