/** Row 8 (CVE-2025-31133): what an image, or who shares its /dev, puts in the place of the null device of masks. */

import { mkdirSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf, useContainers } from '../support/inside.js';
import { makeNull } from './races/once.js';
import { testOnceRaces } from './races/tests.js';

const lab = useContainers();

test('masks find the null device or nothing: an image with another /dev/null is refused', async () => {
  const result = await lab.run('true', (spec, { rootfs, path }) => {
    rmdirSync(join(rootfs, 'dev'));
    // A /dev that is a volume, so that no device of ours is made in it.
    mkdirSync(join(path, 'dev'));
    mkdirSync(join(rootfs, 'dev'));
    symlinkSync('/etc/passwd', join(path, 'dev/null'));
    spec.mounts = spec.mounts?.filter(({ destination }) => !destination.startsWith('/dev')) ?? [];
    spec.mounts.push({ destination: '/dev', source: 'dev', options: ['bind'] });
  });
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(/\/linux\/maskedPaths\/\d+: .*\/dev\/null/);
});

test('masks cannot be uncovered by a file that stands for /dev/null', async () => {
  const result = await lab.run('cat /etc/passwd', (spec, { path }) => {
    // A volume, or it would be refused already when devices are made.
    mkdirSync(join(path, 'dev'));
    writeFileSync(join(path, 'dev/null'), 'shown instead');
    spec.mounts = [
      { destination: '/proc', type: 'proc' },
      { destination: '/dev', source: 'dev', options: ['bind'] },
    ];
    linuxOf(spec).maskedPaths = ['/etc/passwd'];
  });
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(/\/linux\/maskedPaths\/0: .*\/dev\/null/);
});

testOnceRaces([
  {
    // A mask that shows what the attacker chose: CVE-2025-31133.
    name: 'the null device of a mask',
    step: 'mask',
    place: '/dev',
    exchanged: ['null', 'file'],
    furnish: ({ volume, rootfs }) => {
      makeNull(join(volume, 'null'));
      writeFileSync(join(volume, 'file'), 'of the attacker');
      writeFileSync(join(rootfs, 'secret'), 'secret');
    },
    ask: (spec) => (linuxOf(spec).maskedPaths = ['/secret']),
    landed: (pid) => {
      const masked = statSync(`/proc/${String(pid)}/root/secret`);
      return masked.isCharacterDevice() && masked.rdev === 0x103 ? 'inside' : 'outside';
    },
  },
]);
