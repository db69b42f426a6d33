/** src/native/types/seccomp.ts on the fake system. */

import type { NativeSeccomp } from '../../../src/native/types/seccomp.js';

export function fakeNativeSeccomp(): NativeSeccomp {
  return {
    compileSeccomp: () => ({
      error: 0,
      architecture: -1,
      rule: -1,
      name: '',
      // Allows everything.
      program: Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f),
      architectures: [],
      unknown: [],
    }),
    seccompSystem: () => 'fake arch 1 ',
    seccompVersion: () => '0.0.0',
    seccompFlagWorks: () => true,
    systemCallNumber: () => 0,
    digest: (data) => digest(typeof data === 'string' ? data : String.fromCharCode(...data)),
  };
}

/** Not a hash of any worth, but of the right form. */
function digest(text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) % 0xffff_ffff;
  return sum.toString(16).padStart(64, '0');
}
