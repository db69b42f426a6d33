import { describe, expect, it, vi } from 'vitest';

import { EBADF, POLLPRI } from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';
import { delay, waitFor } from '../../../src/native/wait.js';

function fake(wait: Native['wait']): Native {
  return { wait } as Partial<Native> as Native;
}

describe('waitFor', () => {
  it('gives the events', async () => {
    const wait = vi.fn<Native['wait']>((_fd, _events, _timeoutMs, _keepAlive, callback) => {
      void Promise.resolve().then(() => callback(POLLPRI));
      return 1;
    });
    expect(await waitFor(fake(wait), 5, POLLPRI, 100, false)).toBe(POLLPRI);
    expect(wait).toHaveBeenCalledExactlyOnceWith(5, POLLPRI, 100, false, expect.any(Function));
  });

  it('gives the errno of a wait that cannot begin', async () => {
    expect(
      await waitFor(
        fake(() => -EBADF),
        5,
        POLLPRI,
        -1,
      ),
    ).toBe(-EBADF);
  });

  it('delays by a wait on no descriptor', async () => {
    const wait = vi.fn<Native['wait']>((_fd, _events, _timeoutMs, _keepAlive, callback) => {
      callback(0);
      return 1;
    });
    await delay(fake(wait), 20);
    expect(wait).toHaveBeenCalledExactlyOnceWith(-1, 0, 20, true, expect.any(Function));
  });
});
