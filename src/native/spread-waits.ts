/** A native interface whose waits call back one after another, each in a turn that has time. */

import type { Turns } from './turns.js';
import type { Native } from './types.js';

export function spreadWaits(native: Native, turns: Turns): Native {
  /** Waits that have ended and whose callbacks have no turn yet: how to take these back. */
  const ended = new Map<number, () => void>();
  return {
    ...native,
    wait: (fd, events, timeoutMs, keepAlive, callback) => {
      const handle = native.wait(fd, events, timeoutMs, keepAlive, (came) => {
        const takeBack = turns.run(() => {
          ended.delete(handle);
          callback(came);
        });
        if (takeBack !== undefined) ended.set(handle, takeBack);
      });
      return handle;
    },
    cancelWait: (handle) => {
      ended.get(handle)?.();
      ended.delete(handle);
      native.cancelWait(handle);
    },
  };
}
