/** Row 16: read-only and masked paths that are exchanged for links between two look-ups. */

import { linuxOf } from '../support/inside.js';
import { count } from './races/support.js';
import { testRaces } from './races/tests.js';

/** Paths with a mount, read-only, that shows the file it lies on: both in the volume, or neither. */
function readOnlyItself(mountinfo: string): number {
  let found = 0;
  for (const line of mountinfo.split('\n')) {
    const [, , , source = '', target = '', options = ''] = line.split(' ');
    if (!target.endsWith('/secret')) continue;
    const itself = target.startsWith('/vol/') === source.includes('/vol/');
    found += itself && /^ro(,|$)/.test(options) ? 1 : -1;
  }
  return found;
}

testRaces([
  {
    name: 'a masked file',
    afterPivot: true,
    ask: (spec, directory) => (linuxOf(spec).maskedPaths ??= []).push(`${directory}/secret`),
    seen: (mountinfo) => count(mountinfo, /\/null \/\S*\/secret /g),
  },
  {
    name: 'a masked directory',
    afterPivot: true,
    ask: (spec, directory) => (linuxOf(spec).maskedPaths ??= []).push(`${directory}/x`),
    seen: (mountinfo) => count(mountinfo, /^(\S+ ){4}\/\S*\/x ro/gm),
  },
  {
    name: 'a read-only path',
    ask: (spec, directory) => (linuxOf(spec).readonlyPaths ??= []).push(`${directory}/secret`),
    seen: readOnlyItself,
  },
]);
