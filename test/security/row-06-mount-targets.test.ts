/** Row 6 (CVE-2021-30465): the target of a mount is exchanged for a link while a container is created. */

import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import type { Landed } from './races/once.js';
import { count } from './races/support.js';
import { testOnceRaces, testRaces } from './races/tests.js';

/** Directories whose paths together are longer than fsconfig(2) takes. */
const LAYERS = ['a', 'b'].map((letter) => letter.repeat(140));

testRaces([
  {
    name: 'a mount on a directory that is there',
    ask: ({ mounts }, directory) =>
      mounts?.push({ destination: `${directory}/x`, type: 'tmpfs', source: 'race' }),
    seen: (mountinfo) => count(mountinfo, / - tmpfs race /g),
  },
  {
    name: 'a mount on a file that is there',
    ask: ({ mounts }, directory) =>
      mounts?.push({
        destination: `${directory}/secret`,
        type: 'bind',
        source: '/dev/null',
        options: ['bind'],
      }),
    seen: (mountinfo) => count(mountinfo, /\/null \/\S*\/secret /g),
  },
]);

/** A mount that lies where the link leads to is as good as any. */
function insideOr(target: string | undefined): Landed {
  return target?.endsWith('/dev/pts') === true ? 'other' : 'inside';
}

testOnceRaces([
  {
    // With options that only mount(2) takes, which gives no descriptor.
    name: 'a mount with long options',
    step: 'mount',
    place: '/vol',
    exchanged: ['d', 'link'],
    furnish: ({ volume, outside }) => {
      mkdirSync(join(volume, 'd'));
      symlinkSync('/dev/pts', join(volume, 'link'));
      for (const name of LAYERS) mkdirSync(join(outside, name));
    },
    ask: ({ mounts }, { outside }) =>
      mounts?.push({
        destination: '/vol/d',
        type: 'overlay',
        source: 'race',
        options: ['nosuid', `lowerdir=${LAYERS.map((name) => join(outside, name)).join(':')}`],
      }),
    landed: (pid) => {
      const mountinfo = readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8');
      const [, target, options] =
        /^(?:\S+ ){4}(\S+) (\S+) .*- overlay race /m.exec(mountinfo) ?? [];
      expect(options).toContain('rw');
      return options?.includes('nosuid') === true ? insideOr(target) : 'outside';
    },
  },
  {
    // When everything is mounted: its name may lead to another mount by then.
    name: 'a mount that becomes read-only late',
    step: 'remount',
    place: '/vol',
    exchanged: ['d', 'link'],
    furnish: ({ volume }) => {
      mkdirSync(join(volume, 'd'));
      // The same within the root and without it.
      symlinkSync('../dev/pts', join(volume, 'link'));
    },
    ask: ({ mounts }) => {
      // Helpers at the same time make links in there.
      mounts?.unshift({ destination: '/dev', type: 'tmpfs', source: 'own' });
      mounts?.push({ destination: '/vol/d', type: 'tmpfs', source: 'race', options: ['ro'] });
    },
    landed: (pid) => {
      const mountinfo = readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8');
      const [, target, options] = /^(?:\S+ ){4}(\S+) (\S+) .*- tmpfs race /m.exec(mountinfo) ?? [];
      expect(options).toBeDefined();
      return options?.startsWith('ro') === true ? insideOr(target) : 'outside';
    },
  },
]);
