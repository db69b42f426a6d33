/** src/native/types/terminals.ts on the fake system. */

import { bytes } from '../bytes.js';
import type { NativeTerminals } from '../../../src/native/types/terminals.js';

export function fakeNativeTerminals(): NativeTerminals {
  return {
    isTerminal: () => false,
    getWindowSize: () => [80, 24],
    setWindowSize: () => 0,
    makeRaw: () => bytes(''),
    restoreTerminal: () => 0,
  };
}
