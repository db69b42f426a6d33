/** Row H: a file that is copied into a tmpfs (tmpcopyup) is exchanged for another meanwhile. */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { testOnceRaces } from './races/tests.js';

testOnceRaces([
  {
    // With the mode and owner of another file, whoever may not read it could.
    name: 'a file that is copied into a tmpfs',
    step: 'mount',
    place: '/vol',
    exchanged: ['secret', 'public'],
    furnish: ({ volume }) => {
      for (const [name, mode] of Object.entries({ secret: 0o600, public: 0o644 })) {
        writeFileSync(join(volume, name), name, { mode });
      }
    },
    ask: ({ mounts }) =>
      mounts?.push({
        ...{ destination: '/vol', type: 'tmpfs', source: 'race', options: ['tmpcopyup'] },
      }),
    landed: (pid, { rootfs }) => {
      const copies = join('/proc', String(pid), 'root', rootfs, 'vol');
      const found = ['secret', 'public'].map((name) => ({
        isSecret: readFileSync(join(copies, name), 'utf8') === 'secret',
        isHidden: (statSync(join(copies, name)).mode & 0o077) === 0,
      }));
      if (found.some(({ isSecret, isHidden }) => isSecret !== isHidden)) return 'outside';
      return found[1]?.isSecret === true ? 'other' : 'inside';
    },
  },
]);
