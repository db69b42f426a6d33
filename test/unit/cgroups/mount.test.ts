import { beforeEach, describe, expect, it } from 'vitest';

import {
  cgroupOf,
  findUnifiedHierarchy,
  hasNsdelegate,
  unifiedEntry,
  unifiedMountPoint,
} from '../../../src/cgroups/mount.js';
import { CGROUP2_SUPER_MAGIC, ENOMEM, TMPFS_MAGIC } from '../../../src/native/constants.js';
import { FakeCgroupfs } from './fake-cgroupfs.js';

let fs: FakeCgroupfs;
beforeEach(() => {
  fs = new FakeCgroupfs('/sys/fs/cgroup');
  fs.groups.clear();
});

describe('findUnifiedHierarchy', () => {
  it('finds the unified layout', () => {
    fs.statfs.set('/sys/fs/cgroup', CGROUP2_SUPER_MAGIC);
    expect(findUnifiedHierarchy(fs.native)).toEqual({ root: '/sys/fs/cgroup', layout: 'unified' });
  });

  it('finds the hybrid layout', () => {
    fs.statfs.set('/sys/fs/cgroup', TMPFS_MAGIC);
    fs.statfs.set('/sys/fs/cgroup/unified', CGROUP2_SUPER_MAGIC);
    expect(findUnifiedHierarchy(fs.native)).toEqual({
      root: '/sys/fs/cgroup/unified',
      layout: 'hybrid',
    });
  });

  it('finds an unusual mount point', () => {
    fs.files.set(
      '/proc/self/mountinfo',
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n' +
        '41 31 0:38 / /mnt/cgroup\\040two rw,relatime shared:3 - cgroup2 cgroup2 rw\n',
    );
    expect(findUnifiedHierarchy(fs.native)).toEqual({ root: '/mnt/cgroup two', layout: 'hybrid' });
  });

  it('finds nothing on a v1 host', () => {
    fs.files.set('/proc/self/mountinfo', '32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n');
    expect(findUnifiedHierarchy(fs.native)).toBeUndefined();
  });

  it('does not take what cannot be looked at for none', () => {
    expect(() => findUnifiedHierarchy(fs.native)).toThrow('cannot read /proc/self/mountinfo');
    const native = { ...fs.native, statfsType: () => -ENOMEM };
    expect(() => findUnifiedHierarchy(native)).toThrow('cannot look at /sys/fs/cgroup');
  });
});

describe('unifiedMountPoint', () => {
  it('takes whole hierarchies only, and of those the last', () => {
    expect(
      unifiedMountPoint(
        '1 0 0:1 / /a rw - cgroup2 none rw\n' +
          '2 0 0:1 / /b rw - cgroup2 none rw\n' +
          '3 0 0:1 /part /c rw - cgroup2 none rw\n',
      ),
    ).toBe('/b');
  });

  it('is not misled by names', () => {
    expect(unifiedMountPoint('1 0 0:1 / /x rw - ext4 cgroup2 rw\n')).toBeUndefined();
  });
});

describe('hasNsdelegate', () => {
  it.each([
    ['rw,nsdelegate,memory_recursiveprot', true],
    ['rw', false],
    ['rw,nonsdelegate', false],
  ])('reads %s', (options, expected) => {
    fs.files.set('/proc/self/mountinfo', `41 31 0:38 / /cg rw - cgroup2 cgroup2 ${options}\n`);
    expect(hasNsdelegate(fs.native)).toBe(expected);
  });

  it('takes no other file system’s word for it, nor none', () => {
    expect(() => hasNsdelegate(fs.native)).toThrow('cannot read /proc/self/mountinfo');
    fs.files.set('/proc/self/mountinfo', '1 0 0:1 / /x rw - fuse.cgroup2 x rw,nsdelegate\n');
    expect(hasNsdelegate(fs.native)).toBe(false);
  });
});

describe('cgroupOf', () => {
  it('reads the v2 line', () => {
    fs.files.set('/proc/self/cgroup', '2:cpu:/x\n0::/user.slice/a:b\n');
    fs.files.set('/proc/12/cgroup', '0::/\n');
    expect(cgroupOf(fs.native, 'self')).toBe('/user.slice/a:b');
    expect(cgroupOf(fs.native, 12)).toBe('/');
    expect(cgroupOf(fs.native, 13)).toBeUndefined();
    expect(unifiedEntry('1:cpu:/\n10::/x\n')).toBeUndefined();
  });
});
