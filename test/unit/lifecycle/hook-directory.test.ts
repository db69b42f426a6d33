/** Only a bundle that is gone, or that may not be entered, is no place for a hook. */

import { expect, test } from 'vitest';

import { hookDirectory } from '../../../src/lifecycle/hook-state.js';
import * as errnos from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';

const directoryWith = (status: number): string =>
  hookDirectory({ access: () => status } as Partial<Native> as Native, '/bundle');

test.each(['ENOENT', 'ENOTDIR', 'EACCES'] as const)('%s leads to /', (name) => {
  expect(directoryWith(-errnos[name])).toBe('/');
});

test.each(['EIO', 'ENOMEM', 'ELOOP'] as const)('%s is told by the hook’s own chdir', (name) => {
  expect(directoryWith(-errnos[name])).toBe('/bundle');
});

test('a bundle that is there is the place', () => {
  expect(directoryWith(0)).toBe('/bundle');
});
