/**
 * The native interface on Node: the addon. Like src/cli/main-node.ts this file
 * belongs to the Node host and is no part of the core.
 */

import { createRequire } from 'node:module';

import { TsrunError } from '../errors.js';
import { Turns } from './turns.js';
import type { Native } from './types.js';
import { spreadWaits } from './spread-waits.js';

/** One that was built here, from src/native as from dist/native. */
const ADDON = '../../native/build/Release/tsrun.node';
/** One that came with npm install: scripts/install.mjs has looked whether it fits. */
const ADDON_PACKAGE = `tsrun-${process.platform}-${process.arch}-glibc`;

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
    return spreadWaits(require(isThere(require, ADDON) ? ADDON : ADDON_PACKAGE) as Native, turns);
  } catch (error) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `cannot load the native addon (npm run build:native makes it): ${String(codeOf(error))}`,
    );
  }
}

function isThere(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch (error) {
    if (codeOf(error) === 'MODULE_NOT_FOUND') return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
}

/** The program's environment as it is now. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
