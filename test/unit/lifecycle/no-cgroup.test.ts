import { expect, test } from 'vitest';

import type { Linux } from '../../../src/spec/types.js';
import { made, spec, system } from './scene.js';

async function warningsOf(linux: Linux): Promise<string[]> {
  const fake = system();
  const warnings: string[] = [];
  const { state } = await made(fake, {
    noCgroup: true,
    spec: spec({ linux: { ...spec().linux, ...linux } }),
    warn: (message) => warnings.push(message),
  });
  expect(state.cgroup).toBeNull();
  expect(fake.files.get('/sys/fs/cgroup/x')).toBeUndefined();
  return warnings;
}

test('what a container without a cgroup asks for in vain is told, by name', async () => {
  const why = 'the container has no cgroup of its own';
  expect(
    await warningsOf({
      cgroupsPath: '/x',
      resources: { devices: [{ allow: false, access: 'rwm' }] },
    }),
  ).toEqual([
    `/linux/cgroupsPath: it is not used: ${why}`,
    `/linux/resources/devices: the rules are not in force: ${why}`,
  ]);
  expect(await warningsOf({ cgroupsPath: '' })).toEqual([]);
});
