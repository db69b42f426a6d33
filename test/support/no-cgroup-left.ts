/** After each file of tests: no cgroup of its containers is left, not even one whose test did not look. */

import { rmdirSync } from 'node:fs';
import { afterAll, expect } from 'vitest';

import { cgroupsOf } from './left.js';
import { ID_PREFIX } from './tsrun.js';

afterAll(() => {
  const left = cgroupsOf(ID_PREFIX);
  // Those below come after those above.
  for (const path of [...left].reverse()) rmdirSync(path);
  expect(left).toEqual([]);
});
