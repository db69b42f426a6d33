import { describe, expect, it } from 'vitest';

import { replaceDevices } from '../../../../src/cgroups/devices/replace.js';
import { EPERM } from '../../../../src/native/constants.js';
import type { Native } from '../../../../src/native/types.js';

const PROGRAM = new Uint8Array(16);

/** The programs of a cgroup by descriptor, and how many were in force at the least. */
class Programs {
  attached: { fd: number; name: string }[] = [];
  open = new Set<number>();
  least = Infinity;
  attachStatus = 0;

  constructor(...names: string[]) {
    this.attached = names.map((name, index) => ({ fd: 10 + index, name }));
  }

  get native(): Native {
    const calls: Partial<Native> = {
      devicePrograms: () => {
        for (const { fd } of this.attached) this.open.add(fd);
        return [...this.attached];
      },
      loadDeviceProgram: () => {
        this.open.add(90);
        return 90;
      },
      attachDeviceProgram: (_cgroup, fd, replace) => {
        if (this.attachStatus < 0) return this.attachStatus;
        const at = this.attached.findIndex((program) => program.fd === replace);
        if (at === -1) this.attached.push({ fd, name: 'tsrun' });
        else this.attached[at] = { fd, name: 'tsrun' };
        this.least = Math.min(this.least, this.attached.length);
        return 0;
      },
      detachDeviceProgram: (_cgroup, fd) => {
        this.attached = this.attached.filter((program) => program.fd !== fd);
        this.least = Math.min(this.least, this.attached.length);
        return 0;
      },
      close: (fd) => (this.open.delete(fd) ? 0 : -9),
      strerror: (errno) => `errno ${errno}`,
    };
    return calls as Native;
  }

  fds(): number[] {
    return this.attached.map(({ fd }) => fd);
  }
}

describe('replaceDevices', () => {
  it.each([
    [[], [90], 1],
    [['tsrun'], [90], 1],
    [['tsrun', 'tsrun'], [90], 1],
    [['sd_devices', 'tsrun'], [10, 90], 2],
  ])('puts the program in the place of ours among %j, with no gap', (names, fds, least) => {
    const programs = new Programs(...names);
    const before = programs.fds();
    const replaced = replaceDevices(programs.native, 3, PROGRAM, '/devices', 'running');
    if ('warning' in replaced) throw new Error(replaced.warning);
    expect(programs.fds()).toEqual(fds);
    expect(programs.least).toBeGreaterThanOrEqual(least);
    replaced.undo();
    replaced.close();
    expect(programs.fds()).toEqual(before);
    expect(programs.open.size).toBe(0);
  });

  it('leaves the program of somebody who took ours away', () => {
    const programs = new Programs('nvidia');
    expect(replaceDevices(programs.native, 3, PROGRAM, '/devices', 'running')).toHaveProperty(
      'warning',
    );
    expect(programs.fds()).toEqual([10]);
    expect(programs.open.size).toBe(0);
  });

  it('joins the program of somebody else in the cgroup of a new container', () => {
    const programs = new Programs('crun');
    const replaced = replaceDevices(programs.native, 3, PROGRAM, '/devices', 'new');
    if ('warning' in replaced) throw new Error(replaced.warning);
    expect(programs.fds()).toEqual([10, 90]);
    expect(replaced.others).toBe(1);
    replaced.close();
    expect(programs.open.size).toBe(0);
  });

  it('leaves everything as it was when the kernel refuses', () => {
    const programs = new Programs('tsrun');
    programs.attachStatus = -EPERM;
    expect(() => replaceDevices(programs.native, 3, PROGRAM, '/devices', 'running')).toThrow(
      '/devices: cannot attach the device program: errno 1',
    );
    expect(programs.fds()).toEqual([10]);
    expect(programs.open.size).toBe(0);
  });
});
