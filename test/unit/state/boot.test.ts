/** States that outlive the boot that they are of. */

import { expect, test } from 'vitest';

import type { FakeSystem } from '../../fakes/system.js';
import { bootOf, ofThisBoot } from '../../../src/state/boot.js';
import { StateRoot } from '../../../src/state/root.js';
import { salvage } from '../../../src/state/salvage.js';
import type { ContainerState } from '../../../src/state/state.js';
import { StateFile, findListed, loadState } from '../../../src/state/store.js';
import { ROOT, stateOf, system } from './scene.js';
import { O_RDONLY } from '../../../src/native/constants.js';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const OTHER = '11111111-2222-4333-8444-555555555555';

function save(fake: FakeSystem, id: string, changes: Partial<ContainerState>): void {
  fake.files.put(`${ROOT.path}/${id}`, 'directory');
  const directory = ROOT.openContainer(id, O_RDONLY);
  const file = new StateFile(fake.native, ROOT, id, directory);
  file.save(stateOf(id, { pid: 9, startTime: 10, ...changes }));
  for (const fd of [file.fd, directory]) fake.native.close(fd);
}

test('a state has the boot where its directory outlives that', () => {
  const fake = system();
  const id = fake.native.readText(BOOT_ID, 100);
  expect(bootOf(fake.native, ROOT)).toEqual({});
  fake.files.put('/tmp/tsrun-0', 'directory');
  const root = StateRoot.open(fake.native, '/tmp/tsrun-0');
  expect(bootOf(fake.native, root)).toEqual({ boot: String(id).trim() });
  root.close();
});

test('a state of an earlier boot has no process, whatever runs under its number now', () => {
  const fake = system();
  const now = String(fake.native.readText(BOOT_ID, 100)).trim();
  save(fake, 'now', { boot: now });
  save(fake, 'then', { boot: OTHER });
  expect(loadState(fake.native, ROOT, 'now')).toMatchObject({ pid: 9, startTime: 10, boot: now });
  expect(loadState(fake.native, ROOT, 'then')).toMatchObject({ pid: 0, startTime: 0 });
  const listed = findListed(fake.native, ROOT, 'then');
  expect(listed).toMatchObject({ kind: 'state', state: { pid: 0, boot: OTHER } });
  expect(salvage(fake.native, ROOT, 'now').processes).toHaveLength(1);
  expect(salvage(fake.native, ROOT, 'then').processes).toEqual([]);
});

test('an annotation that is called boot hides no process from the removal of a damaged state', () => {
  const fake = system();
  const annotations = { boot: OTHER };
  save(fake, 'a', { annotations });
  expect(salvage(fake.native, ROOT, 'a').processes).toHaveLength(1);
});

test('a boot that cannot be read is an error', () => {
  const fake = system();
  const state = stateOf('a', { pid: 9, boot: OTHER });
  fake.files.remove(BOOT_ID);
  expect(() => ofThisBoot(fake.native, ROOT, state)).toThrow(`cannot read ${BOOT_ID}`);
});
