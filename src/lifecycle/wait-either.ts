/** Waits for the first of two descriptors. */

import type { Native } from '../native/types.js';
import { POLLIN } from '../native/constants.js';

/**
 * @returns `first` when that one is readable or at its end, whatever the other
 *   is; else `second`
 */
export function waitForEither(
  native: Native,
  first: number,
  second: number,
): Promise<'first' | 'second'> {
  return new Promise((resolve) => {
    let done = false;
    const handles: number[] = [];
    const finish = (which: 'first' | 'second'): void => {
      if (done) return;
      done = true;
      for (const handle of handles) native.cancelWait(handle);
      resolve(which);
    };
    for (const [which, fd] of [
      ['first', first],
      ['second', second],
    ] as const) {
      const handle = native.wait(fd, POLLIN, -1, true, () => finish(which));
      if (handle < 0) finish(which);
      else handles.push(handle);
    }
  });
}
