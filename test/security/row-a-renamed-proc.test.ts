/** Row A: /proc or /sys of a container is renamed after the mounts, before the masks. */

import { expect, test } from 'vitest';

import { linuxOf, useContainers } from '../support/inside.js';

const lab = useContainers();

// The hook runs after the mounts and before the masks, and does what anybody can who may write
// to the directory of the root file system. The mount goes with the directory.
const rename = (rootfs: string, name: string): string =>
  `cd ${rootfs} && mv ${name} old && mkdir ${name} && mkdir ${name}/sys && echo x > ${name}/keys`;

test.each([
  ['proc', 'maskedPaths', '/proc/keys', 'wc -c < /old/keys', '0'],
  ['proc', 'readonlyPaths', '/proc/sys', 'grep -c " /old/sys ro," /proc/self/mountinfo', '1'],
  ['sys', 'maskedPaths', '/sys/kernel', 'ls -A /old/kernel | wc -l', '0'],
] as const)('is hidden where it went: %s, %s', async (name, field, path, command, answer) => {
  const shown = command.replace('/proc/self', name === 'proc' ? '/old/self' : '/proc/self');
  const { seen } = await lab.inspect({ seen: shown }, (spec, bundle) => {
    const args = ['sh', '-c', rename(bundle.rootfs, name)];
    spec.hooks = { createRuntime: [{ path: '/bin/sh', args }] };
    linuxOf(spec).maskedPaths = [];
    linuxOf(spec).readonlyPaths = [];
    linuxOf(spec)[field] = [path];
  });
  expect(seen).toBe(answer);
});
