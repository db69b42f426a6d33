/** Row 16: read-only and masked paths that are exchanged for links between two look-ups. */

import { linuxOf } from '../support/inside.js';
import { count } from './races/support.js';
import { testRaces } from './races/tests.js';

/** Mounts of a file, read-only, that show the file they lie on: both in the volume, or neither. */
function readOnlyItself(mountinfo: string): number {
  return mountinfo.split('\n').filter((line) => {
    const [, , , source = '', target = '', options = ''] = line.split(' ');
    return (
      target.endsWith('/secret') &&
      /^ro(,|$)/.test(options) &&
      target.startsWith('/vol/') === source.includes('/vol/')
    );
  }).length;
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
