/** Which of the options of crun and of runc says who makes the cgroup. */

import { expect, test } from 'vitest';

import { cgroupManager } from '../../../src/cli/cgroup-manager.js';

test.each([
  [{}, 'cgroupfs'],
  [{ 'systemd-cgroup': true }, 'systemd'],
  [{ 'systemd-cgroup': true, 'cgroup-manager': 'systemd' }, 'systemd'],
  [{ 'systemd-cgroup': false, 'cgroup-manager': 'disabled' }, 'disabled'],
  [{ 'cgroup-manager': 'systemd' }, 'systemd'],
] as const)('%j is %s', (globals, manager) => {
  expect(cgroupManager(globals)).toBe(manager);
});

test('two that do not agree are refused', () => {
  expect(() => cgroupManager({ 'systemd-cgroup': true, 'cgroup-manager': 'disabled' })).toThrow(
    'cannot use --systemd-cgroup with --cgroup-manager disabled',
  );
});
