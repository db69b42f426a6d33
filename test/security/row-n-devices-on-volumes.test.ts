/** Row N: a link of the image brings a volume to where the container's devices are made. */

import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf, useContainers } from '../support/inside.js';
import type { Change } from '../support/inside.js';

const lab = useContainers();

/** The volume is for /data, and the image has a link there. */
const withLink =
  (volume: string, link: string, device: string, ...more: Change[]): Change =>
  (spec, bundle) => {
    symlinkSync(link, join(bundle.rootfs, 'data'));
    spec.mounts?.push({ destination: '/data', source: volume, options: ['rbind'] });
    linuxOf(spec).maskedPaths = [];
    linuxOf(spec).devices = [{ path: device, type: 'c', major: 1, minor: 3, fileMode: 0o666 }];
    for (const change of more) change(spec, bundle);
  };

test('on the volume there are no devices, where it comes over /dev', async () => {
  const volume = lab.directory();
  const inside = await lab.inspect({ data: 'ls /data' }, withLink(volume, 'dev', '/dev/mine'));
  expect(inside.data).toBe('');
  expect(readdirSync(volume)).toEqual([]);
});

test.each([
  ['below /dev', '/dev/dri', '/dev/dri/card0'],
  ['elsewhere', '/srv/dri', '/srv/dri/card0'],
])('a device is refused where the volume comes to be in its way: %s', async (_, link, device) => {
  const volume = lab.directory();
  const result = await lab.run('true', withLink(volume, link, device));
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toContain(`/linux/devices/0: cannot make device ${device}`);
  expect(readdirSync(volume)).toEqual([]);
});

test('a device is made in what an entry of mounts puts in its way', async () => {
  const inside = await lab.inspect(
    { made: 'stat -c "%F %t:%T" /dev/dri/card0 /srv/dri/card1' },
    (spec, { rootfs }) => {
      mkdirSync(join(rootfs, 'srv'));
      for (const destination of ['/dev/dri', '/srv']) {
        spec.mounts?.push({ destination, type: 'tmpfs', source: 'tmpfs' });
      }
      linuxOf(spec).devices = ['/dev/dri/card0', '/srv/dri/card1'].map((path) => ({
        ...{ path, type: 'c', major: 1, minor: 3 },
      }));
    },
  );
  expect(inside.made).toBe('character special file 1:3\ncharacter special file 1:3');
});
