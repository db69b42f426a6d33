/** The default profile of system calls around a whole system: systemd boots behind it. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { NR, useCalls } from '../support/calls.js';
import { program, useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

/** Made by scripts/setup.sh, for the examples too. */
const IMAGE = '/var/cache/tsrun/debian.tar';

const lab = useContainers();

const calls = useCalls();

test('systemd runs behind the default profile', { timeout: 180_000 }, async (context) => {
  if (!existsSync(IMAGE)) context.skip(`needs ${IMAGE} (scripts/setup.sh test makes it)`);
  const { path, rootfs } = lab.bundle('true');
  program('rm', ['-r', rootfs, join(path, 'config.json')]);
  program('mkdir', [rootfs]);
  program('tar', ['-xpf', IMAGE, '-C', rootfs]);
  calls.into({ rootfs });
  const runtime = lab.runtime();
  const spec = ['spec', '--bundle', path, '--system', '--seccomp', 'default'];
  expect(await runtime(spec)).toMatchObject({ status: 0, stderr: '' });
  const id = newId();
  const stdio: ['ignore', 'ignore', 'ignore'] = ['ignore', 'ignore', 'ignore'];
  expect((await runtime(['run', '--detach', '--bundle', path, id], { stdio })).status).toBe(0);
  const script = [
    // systemd's own socket: there is no event from outside for it.
    'until test -S /run/systemd/private; do sleep 0.05; done',
    'systemctl is-system-running --wait',
    'systemctl --failed --no-legend --plain',
    'grep ^Seccomp: /proc/1/status',
    `call ${NR.keyctl} 0 -3 0; call ${NR.io_uring_setup} 1 0; call ${NR.userfaultfd} 0`,
  ].join('; ');
  const { stdout } = await runtime(['exec', id, 'sh', '-c', script]);
  await runtime(['delete', '--force', id]);
  expect(stdout).toBe('running\nSeccomp:\t2\n-1\n-1\n-1\n');
});
