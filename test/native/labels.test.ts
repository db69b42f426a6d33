/** AppArmor profiles and SELinux labels on a kernel that has neither active. */

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { linuxOf, processOf, useContainers } from '../support/inside.js';
import type { Change } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();

const APPARMOR = '/sys/module/apparmor/parameters/enabled';
const apparmor = existsSync(APPARMOR) && readFileSync(APPARMOR, 'utf8').startsWith('Y');
const selinux = existsSync('/sys/fs/selinux/enforce');

test.for<[string, string, boolean, Change]>([
  [
    'apparmorProfile',
    '/process/apparmorProfile: cannot apply the profile p: AppArmor is not enabled on this machine',
    apparmor,
    (spec) => (processOf(spec).apparmorProfile = 'p'),
  ],
  [
    'selinuxLabel',
    '/process/selinuxLabel: cannot apply the label l: SELinux is not enabled on this machine',
    selinux,
    (spec) => (processOf(spec).selinuxLabel = 'l'),
  ],
  [
    'mountLabel',
    '/linux/mountLabel: cannot apply the label l: SELinux is not enabled on this machine',
    selinux,
    (spec) => (linuxOf(spec).mountLabel = 'l'),
  ],
])('%s is refused without its module', async ([, message, active, change], { skip }) => {
  skip(active, 'this kernel has the module in force');
  expect(await lab.run('true', change)).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: `tsrun: ${message}\n`,
  });
});

test('what asks for nothing runs', async () => {
  const result = await lab.run('echo ran', (spec) => {
    processOf(spec).selinuxLabel = '';
    if (!apparmor) processOf(spec).apparmorProfile = 'unconfined';
    linuxOf(spec).mountLabel = '';
  });
  expect(result).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
});

test('exec --apparmor and --process-label', async () => {
  const { path } = lab.bundle('sleep 1000');
  const runtime = lab.runtime();
  const id = newId();
  const stdio: ['ignore', 'ignore', 'ignore'] = ['ignore', 'ignore', 'ignore'];
  expect((await runtime(['run', '--detach', '--bundle', path, id], { stdio })).status).toBe(0);
  const say = async (...options: string[]): Promise<string> =>
    (await runtime(['exec', ...options, id, 'true'])).stderr;
  if (!apparmor) {
    expect(await say('--apparmor', 'p')).toBe(
      'tsrun: /apparmorProfile: cannot apply the profile p: AppArmor is not enabled on this machine\n',
    );
  }
  if (!selinux) {
    expect(await say('--process-label', 'l')).toBe(
      'tsrun: /selinuxLabel: cannot apply the label l: SELinux is not enabled on this machine\n',
    );
  }
  await runtime(['delete', '--force', id]);
});
