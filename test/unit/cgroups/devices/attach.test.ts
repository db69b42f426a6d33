import { describe, expect, it, vi } from 'vitest';

import { attachDevices } from '../../../../src/cgroups/devices/attach.js';
import { E2BIG, EINVAL, EPERM } from '../../../../src/native/constants.js';
import type { Native } from '../../../../src/native/types.js';

const PROGRAM = new Uint8Array(16);

function fake(load: number, attach: number) {
  return {
    loadDeviceProgram: vi.fn(() => load),
    attachDeviceProgram: vi.fn(() => attach),
    close: vi.fn(() => 0),
    strerror: (errno: number) => `errno ${errno}`,
  };
}

describe('attachDevices', () => {
  it('attaches the program and closes its descriptor', () => {
    const native = fake(7, 0);
    expect(attachDevices(native as unknown as Native, 3, PROGRAM, true)).toBeUndefined();
    expect(native.attachDeviceProgram).toHaveBeenCalledWith(3, 7, -1);
    expect(native.close).toHaveBeenCalledExactlyOnceWith(7);
  });

  it('is an error for a privileged caller when refused', () => {
    for (const native of [fake(-EPERM, 0), fake(7, -EPERM)]) {
      expect(() => attachDevices(native as unknown as Native, 3, PROGRAM, true)).toThrow(
        /^\/linux\/resources\/devices: cannot (load|attach) the device program: errno 1$/,
      );
      expect(native.close).toHaveBeenCalledTimes(native.attachDeviceProgram.mock.calls.length);
    }
  });

  it('is a warning for an unprivileged caller', () => {
    expect(attachDevices(fake(-EPERM, 0) as unknown as Native, 3, PROGRAM, false)).toBe(
      '/linux/resources/devices: the rules are not in force: cannot load the device program: errno 1',
    );
  });

  it('is an error for everybody when the program is at fault', () => {
    expect(() => attachDevices(fake(-EINVAL, 0) as unknown as Native, 3, PROGRAM, false)).toThrow(
      'errno 22',
    );
    expect(() => attachDevices(fake(-E2BIG, 0) as unknown as Native, 3, PROGRAM, true)).toThrow(
      'too many rules',
    );
  });
});
