/** Row C: another file in the place of a device, which would be given to the owner of the device. */

import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { linuxOf } from '../support/inside.js';
import { makeNull } from './races/once.js';
import { testOnceRaces } from './races/tests.js';

testOnceRaces([
  {
    // Another file would be given to the owner of the device.
    name: 'the owner of a device',
    step: 'device',
    place: '/vol',
    exchanged: ['node', 'file'],
    furnish: ({ volume }) => {
      makeNull(join(volume, 'node'));
      writeFileSync(join(volume, 'file'), 'of the host');
    },
    ask: (spec) =>
      (linuxOf(spec).devices = [{ path: '/vol/node', type: 'c', major: 1, minor: 3, uid: 12345 }]),
    landed: (_pid, { volume }) => {
      const given = ['node', 'file'].map((name) => statSync(join(volume, name)));
      return given.some((stat) => stat.isFile() && stat.uid === 12345) ? 'outside' : 'inside';
    },
  },
]);
