/** The binding in the test's own process. */

import { createRequire } from 'node:module';
import { readdirSync } from 'node:fs';

import type { Native, SpawnRequest } from '../../src/native/types.js';
import type { Step } from '../../src/plan/steps.js';

/** TSRUN_ADDON: another build of it, with sanitizers. */
export const native = createRequire(import.meta.url)(
  process.env['TSRUN_ADDON'] ?? '../../native/build/Release/tsrun.node',
) as Native;

export const REQUEST: Omit<SpawnRequest, 'steps' | 'trace'> = {
  cloneFlags: 0,
  earlyNamespaces: 0,
  cgroupFd: -1,
  stdio: [-1, -1, -1],
  preserve: [],
  fds: [],
  slots: 0,
};

/** A helper with these steps, or a negative errno. */
export function spawn(steps: unknown[], change: Record<string, unknown> = {}): unknown {
  return native.spawn({
    ...REQUEST,
    steps: steps as Step[],
    trace: false,
    ...change,
  });
}

export const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** How the process behind a pidfd ended. */
export const ended = (pidfd: number): Promise<unknown> =>
  new Promise((resolve) => {
    native.wait(pidfd, 1, 10_000, true, () => {
      resolve(native.reap(pidfd));
    });
  });
