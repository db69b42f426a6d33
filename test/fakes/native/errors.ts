/** src/native/types/errors.ts on the fake system. */

import type { NativeErrors } from '../../../src/native/types/errors.js';

export function fakeNativeErrors(): NativeErrors {
  return {
    strerror: (errno) => `errno ${errno}`,
  };
}
