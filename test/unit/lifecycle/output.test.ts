import { expect, test } from 'vitest';

import { OutputReader } from '../../../src/lifecycle/output.js';
import type { Native } from '../../../src/native/types.js';

test('a program that prints without end does not keep us, or fill our memory', () => {
  let reads = 0;
  let callback: (events: number) => void = () => undefined;
  let waits = 0;
  const native = {
    read: (_fd: number, max: number) => {
      if (++reads > 1000) throw new Error('it is read in one go');
      return new Uint8Array(max).fill(0x61);
    },
    wait: (...args: Parameters<Native['wait']>) => {
      waits++;
      callback = args[4];
      return 1;
    },
    cancelWait: () => undefined,
    close: () => 0,
  } as Partial<Native> as Native;
  const output = new OutputReader(native, 5);
  for (let turn = 1; turn <= 3; turn++) {
    callback(1);
    expect(waits).toBe(1 + turn);
  }
  expect(output.stop()).toBe('a'.repeat(2048));
});
