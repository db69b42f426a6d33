import { expect, test } from 'vitest';

import { TsrunError } from '../../../src/errors.js';
import { limitProperties } from '../../../src/cgroups/systemd/limits.js';
import { setScopeProperties } from '../../../src/cgroups/systemd/scope.js';
import { create } from '../../../src/lifecycle/create.js';
import type { CreateOptions } from '../../../src/lifecycle/create.js';
import { deleteContainer } from '../../../src/lifecycle/delete.js';
import { update } from '../../../src/lifecycle/update.js';
import { ECONNRESET, EIO } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import { salvage } from '../../../src/state/salvage.js';
import { loadState } from '../../../src/state/store.js';
import { ROOT, ROOT_PATH, made, options, spec, system } from './scene.js';

const systemd: Partial<CreateOptions> = { systemdCgroup: { userBus: '/run/user/1000/bus' } };
const name = {
  get root() {
    return ROOT;
  },
  id: 'a',
  warn: () => undefined,
};
const UNIT = 'tsrun-a.scope';

async function ended(fake: FakeSystem): Promise<void> {
  const { state, pidfd } = await made(fake, systemd);
  const process = fake.processes.get(state.pid);
  if (process !== undefined) fake.end(process);
  fake.native.reap(pidfd);
  fake.native.close(pidfd);
}

test('the unit is made around the helper before its first step, and kept in the state', async () => {
  const fake = system();
  const { state } = await made(fake, systemd);
  const unit = fake.systemd.units.get(UNIT);
  expect(unit?.properties.get('PIDs')).toContainEqual(['u', state.pid.toString()]);
  expect(state.cgroup).toMatchObject({
    manager: 'systemd',
    path: '/sys/fs/cgroup/system.slice/tsrun-a.scope',
  });
  expect(loadState(fake.native, ROOT, 'a')).toMatchObject({
    cgroup: state.cgroup,
    scope: { unit: UNIT, bus: '/run/dbus/system_bus_socket', mark: 'file:/run/tsrun/a' },
  });
  expect(fake.processes.get(state.pid)?.request?.cgroupFd).toBe(-1);
  expect(fake.systemd.open).toBe(0);
});

test('a caller without privileges asks its own systemd', async () => {
  const fake = system();
  fake.uid = 1000;
  fake.systemd.controlGroup = '/user.slice/user@1000.service';
  fake.files.put('/proc/self/status', 'file', 'Name:\tx\nCapEff:\t0\nCapBnd:\t0\n');
  const linux = {
    namespaces: [{ type: 'user' as const }, { type: 'pid' as const }, { type: 'mount' as const }],
    uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
  };
  const { state } = await made(fake, { ...systemd, spec: spec({ linux }) });
  expect(state.cgroup?.path).toBe(
    '/sys/fs/cgroup/user.slice/user@1000.service/user.slice/tsrun-a.scope',
  );
  expect(state.scope?.bus).toBe('/run/user/1000/bus');
  // Nothing there says nsdelegate.
  expect(state.cgroup?.subgroup).toBe('container');
});

test('delete stops the unit without being told who made it, whichever call fails at first', async () => {
  let nth = 1;
  for (; ; nth++) {
    const fake = system();
    await ended(fake);
    fake.failNth(nth, EIO);
    let error: unknown;
    try {
      await deleteContainer(fake.native, name);
    } catch (caught) {
      error = caught;
    }
    const call = fake.calls[nth - 1];
    if (error !== undefined) {
      expect(error, `${call ?? ''} (${nth})`).toBeInstanceOf(TsrunError);
      await deleteContainer(fake.native, { ...name, force: true });
    }
    expect([...fake.systemd.units.keys()], `${call ?? ''} (${nth})`).toEqual([]);
    expect(fake.files.list(ROOT_PATH), `${call ?? ''} (${nth})`).toEqual([]);
    expect(fake.systemd.open).toBe(0);
    if (call === undefined) break;
  }
  expect(nth).toBeGreaterThan(10);
});

test('delete is content when systemd has collected the unit, and leaves one that is not its own', async () => {
  const gone = system();
  await ended(gone);
  gone.systemd.units.clear();
  await deleteContainer(gone.native, name);
  expect(gone.systemd.called).not.toContain('StopUnit');

  const other = system();
  await ended(other);
  other.systemd.units.clear();
  other.systemd.add({ name: UNIT, documentation: 'file:/run/other/a' });
  await deleteContainer(other.native, name);
  expect([...other.systemd.units.keys()]).toEqual([UNIT]);
});

test.each([
  ['the state is whole', (lines: string) => lines],
  ['the state is torn', (lines: string) => lines.slice(0, -2)],
])('delete --force removes the unit of a create that was killed: %s', async (_name, left) => {
  const fake = system();
  const { state } = await made(fake, systemd);
  // As it was before anything else was known.
  const text = fake.files.get(`${ROOT_PATH}/a/state.json`)?.content ?? '';
  fake.files.put(`${ROOT_PATH}/a/state.json`, 'file', left(/^(.*\n){2}/.exec(text)?.[0] ?? ''));
  expect(salvage(fake.native, ROOT, 'a').scope).toEqual(state.scope);
  await deleteContainer(fake.native, { ...name, force: true });
  expect([...fake.systemd.units.keys()]).toEqual([]);
  expect(fake.files.list(ROOT_PATH)).toEqual([]);
  expect(fake.systemd.open).toBe(0);
});

test('a failed unit of the name gives way, an active one does not', async () => {
  const failed = system();
  failed.systemd.add({ name: UNIT, state: 'failed' });
  await made(failed, systemd);

  const active = system();
  active.systemd.add({ name: UNIT });
  await expect(create(active.native, options(systemd))).rejects.toMatchObject({
    code: 'ERR_CGROUP',
    message: `cannot start ${UNIT}: Unit ${UNIT} was already loaded`,
  });
  expect([...active.systemd.units.keys()]).toEqual([UNIT]);
  expect(active.files.list(ROOT_PATH)).toEqual([]);
});

test('a job that fails, a refused property and silence are told apart', async () => {
  const failing = system();
  failing.systemd.jobResult = 'canceled';
  await expect(create(failing.native, options(systemd))).rejects.toThrow(
    `systemd could not start ${UNIT}: the job is canceled`,
  );
  // The unit is tried to be stopped, which fails in the same way here, and is asked for.
  expect(failing.systemd.called).toContain('StopUnit');

  const refusing = system();
  refusing.systemd.refuse = (member) =>
    member === 'StartTransientUnit'
      ? { name: 'x.y', text: 'Cannot set property Foo, or unknown property.' }
      : undefined;
  const annotations = { 'org.systemd.property.Foo': "'bar'" };
  await expect(
    create(refusing.native, options({ ...systemd, spec: spec({ annotations }) })),
  ).rejects.toMatchObject({
    code: 'ERR_CGROUP',
    pointer: '/annotations/org.systemd.property.Foo',
  });

  const silent = system();
  silent.systemd.silent = true;
  await expect(create(silent.native, options(systemd))).rejects.toThrow(
    'systemd (/run/dbus/system_bus_socket): no answer to AddMatch after 30 seconds',
  );
  expect(silent.files.list(ROOT_PATH)).toEqual([]);
});

test('a wrong annotation is found before anything is made', async () => {
  const fake = system();
  const annotations = { 'org.systemd.property.Foo': 'bar' };
  await expect(
    create(fake.native, options({ ...systemd, spec: spec({ annotations }) })),
  ).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    pointer: '/annotations/org.systemd.property.Foo',
  });
  expect(fake.systemd.called).toEqual(['AddMatch']);
  // Without the systemd manager it is an annotation like others.
  await made(fake, { spec: spec({ annotations }) });
});

test('properties of a running unit are changed, and a refusal is told', async () => {
  const fake = system();
  const { state } = await made(fake, systemd);
  if (state.scope === undefined) throw new Error('no scope');
  const writes = [{ file: 'pids.max', value: '7', pointer: '/pids/limit' }];
  await setScopeProperties(fake.native, state.scope, limitProperties(writes));
  expect(fake.systemd.units.get(UNIT)?.properties.get('TasksMax')).toContainEqual(['t', '7']);
  fake.systemd.refuse = (member) =>
    member === 'SetUnitProperties'
      ? { name: 'x.y', text: 'Cannot set property TasksMax.' }
      : undefined;
  await expect(
    setScopeProperties(fake.native, state.scope, limitProperties(writes)),
  ).rejects.toMatchObject({ code: 'ERR_CGROUP', pointer: '/pids/limit' });
  expect(fake.systemd.open).toBe(0);
});

test('update changes the unit too, and puts the files back when systemd refuses', async () => {
  const fake = system();
  const { state } = await made(fake, systemd);
  const file = fake.files.put(`${state.cgroup?.path ?? ''}/pids.max`, 'file', '5\n');
  const request = { ...name, resources: { pids: { limit: 7 } } };
  await update(fake.native, request);
  expect(file.content).toBe('7');
  expect(fake.systemd.units.get(UNIT)?.properties.get('TasksMax')).toContainEqual(['t', '7']);

  fake.systemd.refuse = (member) =>
    member === 'SetUnitProperties' ? { name: 'x.y', text: 'TasksMax is not for you.' } : undefined;
  await expect(
    update(fake.native, { ...request, resources: { pids: { limit: 8 } } }),
  ).rejects.toMatchObject({
    code: 'ERR_CGROUP',
    pointer: '/pids/limit',
    message: `/pids/limit: cannot change ${UNIT}: TasksMax is not for you`,
  });
  expect(file.content).toBe('7');
  expect(fake.systemd.open).toBe(0);
});

test('what systemd rounds is written once more when systemd has written it', async () => {
  const fake = system();
  const { state } = await made(fake, systemd);
  const file = fake.files.put(`${state.cgroup?.path ?? ''}/cpu.max`, 'file', 'max 100000\n');
  let told = false;
  fake.systemd.refuse = (member) => {
    // As systemd does it: with its next look at the bus.
    if (told) file.content = '51000 100000';
    told = member === 'SetUnitProperties';
    return undefined;
  };
  await update(fake.native, { ...name, resources: { cpu: { quota: 50_500, period: 100_000 } } });
  expect(file.content).toBe('50500 100000');
});

test('a bus that drops the connection before it knows us is tried again', async () => {
  const fake = system();
  fake.systemd.drop = 3;
  await made(fake, systemd);
  expect(fake.systemd.open).toBe(0);
  fake.systemd.refuse = () => ({ name: 'x.y', text: 'Not you' });
  await expect(create(fake.native, options({ ...systemd, id: 'c' }))).rejects.toThrow(
    'cannot reach systemd over the bus /run/dbus/system_bus_socket: Not you',
  );
  fake.systemd.drop = 100;
  await expect(create(fake.native, options({ ...systemd, id: 'b' }))).rejects.toMatchObject({
    code: 'ERR_CGROUP',
    errno: ECONNRESET,
  });
  expect(fake.systemd.open).toBe(0);
});
