/** What the first process makes of its namespaces is no permission for an `exec`. */

import { readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';

import { grant, linuxOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import type { Running } from '../support/scene.js';
import type { Result } from '../support/tsrun.js';
import type { Spec } from '../../src/spec/types.js';

const scene = useScene();

const GROUPS = ['setpriv', '--groups', '4,42'];

/** A container whose first process makes itself namespaces with unshare(1). */
async function changed(command: string, change?: (spec: Spec) => void): Promise<Running> {
  const container = await scene.started(`exec ${command} sleep 1000`, change);
  const comm = (): string => readFileSync(`/proc/${container.pid}/comm`, 'utf8').trim();
  await expect.poll(comm, { timeout: 10_000 }).toBe('sleep');
  return container;
}

function exec({ id }: Running, script: string, prefix: string[] = []): Promise<Result> {
  return scene.runtime(['exec', id, 'sh', '-c', script], { prefix });
}

test('setgroups denied by the first process leaves no groups of the caller', async () => {
  const container = await changed('unshare -U --setgroups deny');
  expect(readFileSync(`/proc/${container.pid}/setgroups`, 'utf8')).toBe('deny\n');
  const result = await exec(container, 'grep Groups: /proc/self/status', GROUPS);
  expect(result).toMatchObject({ status: 0, stderr: '', stdout: 'Groups:\t \n' });
  await container.remove();
});

test('a user namespace that the first process made is not joined', async () => {
  const own = (spec: Spec): void => {
    const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    Object.assign(linuxOf(spec), { uidMappings: ids, gidMappings: ids });
    linuxOf(spec).namespaces?.push({ type: 'user' });
  };
  const before = await scene.started('exec sleep 1000', own);
  expect(await exec(before, 'grep Groups: /proc/self/status', GROUPS)).toMatchObject({
    ...{ status: 0, stderr: '', stdout: 'Groups:\t \n' },
  });
  await before.remove();
  const container = await changed('unshare -U --setgroups deny', own);
  expect(await exec(container, 'echo ran', GROUPS)).toMatchObject({
    stdout: '',
    stderr:
      "tsrun: cannot join the container's namespaces: the user namespace is another one than at create\n",
  });
  await container.remove();
});

test('a mount namespace of the first process is joined where the container owns it', async () => {
  const container = await changed('unshare -m', (spec) => grant(spec, 'CAP_SYS_ADMIN'));
  const result = await exec(container, 'readlink /proc/self/ns/mnt');
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout.trim()).toBe(readlinkSync(`/proc/${container.pid}/ns/mnt`));
  await container.remove();
});

test('a mount namespace of an ordinary user in the container is not joined', async () => {
  const container = await changed('unshare -U -m', (spec) => {
    if (spec.process !== undefined) spec.process.user = { uid: 1000, gid: 1000 };
  });
  expect(await exec(container, 'echo ran')).toMatchObject({
    stdout: '',
    stderr:
      "tsrun: cannot join the container's namespaces: the mount namespace is another one than at create, " +
      "and is not owned by the container's user namespace\n",
  });
  await container.remove();
});

test("a joined network namespace is the container's, whoever owns it", async () => {
  const holder = await scene.started('exec sleep 1000');
  const container = await scene.started('exec sleep 1000', (spec) => {
    const linux = linuxOf(spec);
    linux.namespaces = linux.namespaces?.filter(({ type }) => type !== 'network') ?? [];
    linux.namespaces.push({ type: 'network', path: `/proc/${holder.pid}/ns/net` });
  });
  expect(await exec(container, 'echo ran')).toMatchObject({
    status: 0,
    stdout: 'ran\n',
    stderr: '',
  });
  await container.remove();
  await holder.remove();
});
