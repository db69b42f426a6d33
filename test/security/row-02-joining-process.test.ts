/** Row 2 (CVE-2016-9962): a process of the container looks into one that is joining it. */

import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import { COMMAND } from '../support/tsrun.js';
import { attackDuring } from './attackers/run.js';

const scene = useScene();
const TIMES = COMMAND[0] === process.execPath ? 8 : 40;

test('nothing of a process that joins can be seen, though it has the same user and no more rights', async () => {
  const output = await attackDuring(scene, 'looker', () => undefined, TIMES);
  expect(output).toMatch(/^on\nrefused \d+\n$/);
  // The attack met what it was after.
  expect(Number(/refused (\d+)/.exec(output)?.[1])).toBeGreaterThan(0);
});
