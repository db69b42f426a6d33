import { expect, test } from 'vitest';

import { requireRunnable } from '../../../src/spec/create-demands.js';

const process = { cwd: '/', args: ['true'], user: { uid: 0, gid: 0 } };

test('exec refuses a process whose confinement it cannot apply, each by name', () => {
  expect(() => {
    requireRunnable({ ...process, apparmorProfile: 'p', selinuxLabel: 'l' });
  }).toThrow(
    'cannot run the process: /apparmorProfile: is not supported yet; /selinuxLabel: is not supported yet',
  );
  expect(() => {
    requireRunnable({ ...process, apparmorProfile: '', selinuxLabel: '' });
  }).not.toThrow();
});
