/** Row 11 (CVE-2026-41579, CVE-2026-47766): /dev of the image, or what leads to it, is a link to a directory of the host. */

import { lstatSync, mkdirSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { inUserNamespace, linuxOf, useContainers } from '../support/inside.js';

const lab = useContainers();

/** What a runtime would make anew, or delete first. */
const OF_THE_HOST = ['console', 'fd', 'null', 'ptmx', 'shm', 'stdin'];

/** Names, types, times and sizes of all that is in a directory. */
const listing = (path: string): string[] =>
  readdirSync(path)
    .sort()
    .map((name) => {
      const { mode, mtimeMs, size, ino } = lstatSync(join(path, name));
      return [name, mode, mtimeMs, size, ino].join(' ');
    });

test.each(
  ['../../../../..', ''].flatMap((up) =>
    [true, false].flatMap((mounted) => [false, true].map((user) => ({ up, mounted, user }))),
  ),
)(
  'nothing is made or deleted in there: link to $up/..., with a mount on /dev: $mounted, user namespace: $user',
  async ({ up, mounted, user }) => {
    const volume = lab.directory();
    for (const name of OF_THE_HOST) writeFileSync(join(volume, name), name);
    const before = listing(volume);
    const result = await lab.run('true', (spec, bundle) => {
      const { rootfs } = bundle;
      rmdirSync(join(rootfs, 'dev'));
      symlinkSync(up + volume, join(rootfs, 'dev'));
      // The same is there within the container, so that the link leads somewhere.
      mkdirSync(join(rootfs, volume), { recursive: true });
      if (!mounted) spec.mounts = [{ destination: '/proc', type: 'proc' }];
      linuxOf(spec).maskedPaths = [];
      linuxOf(spec).devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }];
      if (user) inUserNamespace(spec, bundle);
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    // Where devices are bound, or a file system comes first, that is what fails.
    expect(result.stderr).toMatch(/symbolic link|\/dev.*: not a directory/);
    expect(listing(volume)).toEqual(before);
  },
);
