/** Row 7 (CVE-2024-45310): what is made for a mount or a device, where a path is exchanged for a link. */

import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import { linuxOf } from '../support/inside.js';
import { count } from './races/support.js';
import { testOnceRaces, testRaces } from './races/tests.js';

testRaces([
  {
    name: 'a directory made for a mount',
    ask: ({ mounts }, directory, round) =>
      mounts?.push({
        destination: `${directory}/made-${String(round)}`,
        type: 'tmpfs',
        source: 'race',
      }),
    seen: (mountinfo) => count(mountinfo, / - tmpfs race /g),
  },
  {
    name: 'a file made for a mount',
    ask: ({ mounts }, directory, round) =>
      mounts?.push({
        destination: `${directory}/file-${String(round)}`,
        type: 'bind',
        source: '/dev/null',
        options: ['bind'],
      }),
    seen: (mountinfo) => count(mountinfo, /\/null \/\S*\/file-\d+ /g),
  },
  {
    name: 'a device',
    ask: (spec, directory, round) =>
      (linuxOf(spec).devices ??= []).push({
        path: `${directory}/null-${String(round)}`,
        type: 'c',
        major: 1,
        minor: 3,
      }),
  },
]);

testOnceRaces([
  {
    // The place that a link leads to is made by name, where `..` would be the directory's own.
    name: 'a directory behind a link with dots',
    step: 'mount',
    place: '/vol',
    exchanged: ['x', 'nowhere'],
    furnish: ({ volume }) => {
      mkdirSync(join(volume, 'x'));
      // Nothing can be made in there.
      symlinkSync('/dev/pts/none', join(volume, 'nowhere'));
      symlinkSync('/vol/x/../../../escaped', join(volume, 'climbs'));
    },
    ask: ({ mounts }) =>
      mounts?.push({ destination: '/vol/climbs/target', type: 'tmpfs', source: 'race' }),
    landed: (_pid, { rootfs }) => {
      // To be made anew. Another try may be at that.
      try {
        rmSync(join(rootfs, 'escaped'), { recursive: true, force: true });
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOTEMPTY');
      }
      return existsSync(join(rootfs, '../escaped')) ? 'outside' : 'inside';
    },
  },
]);
