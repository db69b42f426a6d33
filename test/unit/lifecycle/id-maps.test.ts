import { expect, test } from 'vitest';

import { writeIdMaps } from '../../../src/lifecycle/id-maps.js';
import type { IdMapRequest } from '../../../src/lifecycle/id-maps.js';
import { EPERM } from '../../../src/native/constants.js';
import { FakeSystem } from '../../fakes/system.js';

const PID = 77;
const many = [
  { containerID: 0, hostID: 1000, size: 1 },
  { containerID: 1, hostID: 100000, size: 65536 },
];

function request(changes: Partial<IdMapRequest> = {}): IdMapRequest {
  return {
    pid: PID,
    uidMappings: many,
    gidMappings: many,
    uid: 1000,
    gid: 1000,
    effective: 0n,
    path: '/usr/local/bin:relative:/usr/bin',
    ...changes,
  };
}

function system(): FakeSystem {
  const fake = new FakeSystem();
  fake.addProcess({ pid: PID, child: true });
  return fake;
}

function written(fake: FakeSystem): (string | undefined)[] {
  return ['uid_map', 'gid_map', 'setgroups'].map(
    (name) => fake.files.get(`/proc/${PID}/${name}`)?.content,
  );
}

test('with capabilities the maps are written at once and setgroups stays', async () => {
  const fake = system();
  await writeIdMaps(fake.native, request({ effective: (1n << 6n) | (1n << 7n) }));
  expect(written(fake)).toEqual(['0 1000 1\n1 100000 65536\n', '0 1000 1\n1 100000 65536\n', '']);
  expect(fake.ran).toEqual([]);
});

test('the own id alone needs nobody, and denies setgroups', async () => {
  const fake = system();
  const only = [{ containerID: 5, hostID: 1000, size: 1 }];
  await writeIdMaps(fake.native, request({ uidMappings: only, gidMappings: only }));
  expect(written(fake)).toEqual(['5 1000 1\n', '5 1000 1\n', 'deny']);
});

test('everything else is for newuidmap and newgidmap', async () => {
  const fake = system();
  fake.files.put('/usr/bin/newuidmap');
  fake.files.put('/usr/bin/newgidmap');
  await writeIdMaps(fake.native, request());
  expect(fake.ran).toEqual(['/usr/bin/newuidmap', '/usr/bin/newgidmap']);
  expect(written(fake)).toEqual(['', '', '']);
  expect(fake.zombies()).toEqual([]);
});

test('the arguments are those of newuidmap(1)', async () => {
  const fake = system();
  fake.files.put('/usr/bin/newuidmap');
  fake.files.put('/usr/bin/newgidmap');
  const argv: string[][] = [];
  fake.failStep = (step) => {
    if (step.op === 'exec') argv.push(step.args);
    return undefined;
  };
  await writeIdMaps(fake.native, request());
  expect(argv[0]?.join(' ')).toBe('newuidmap 77 0 1000 1 1 100000 65536');
  expect(argv[1]?.[0]).toBe('newgidmap');
});

test('a missing program is named with its package, a failing one with its table', async () => {
  const fake = system();
  await expect(writeIdMaps(fake.native, request())).rejects.toMatchObject({
    code: 'ERR_PERMISSION',
    pointer: '/linux/uidMappings',
    message: expect.stringContaining('newuidmap is not in PATH (package uidmap') as unknown,
  });
  fake.files.put('/usr/bin/newuidmap');
  fake.programs.set('/usr/bin/newuidmap', { status: 1, signal: 0 });
  await expect(writeIdMaps(fake.native, request())).rejects.toThrow('does /etc/subuid allow');
});

test('a refused map is an error that names the field', async () => {
  const fake = system();
  fake.failNth(1, EPERM);
  await expect(writeIdMaps(fake.native, request({ effective: ~0n }))).rejects.toMatchObject({
    code: 'ERR_SYSTEM',
    errno: EPERM,
    pointer: '/linux/uidMappings',
  });
});
