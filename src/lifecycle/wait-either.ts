/** Waits for the first of two descriptors. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { POLLIN } from '../native/constants.js';

/**
 * @returns `first` when that one is readable or at its end, whatever the other
 *   is; else `second`
 * @throws TsrunError ERR_SYSTEM when one of them cannot be waited for, as for want of descriptors
 */
export function waitForEither(
  native: Native,
  first: number,
  second: number,
): Promise<'first' | 'second'> {
  return new Promise((resolve, reject) => {
    let done = false;
    const handles: number[] = [];
    const stop = (): void => {
      done = true;
      for (const handle of handles) native.cancelWait(handle);
    };
    const finish = (which: 'first' | 'second'): void => {
      if (done) return;
      stop();
      resolve(which);
    };
    for (const [which, fd] of [
      ['first', first],
      ['second', second],
    ] as const) {
      const handle = native.wait(fd, POLLIN, -1, true, () => finish(which));
      if (handle < 0) {
        stop();
        reject(
          new TsrunError('ERR_SYSTEM', `cannot wait for a process: ${native.strerror(-handle)}`, {
            errno: -handle,
          }),
        );
        return;
      }
      handles.push(handle);
    }
  });
}
