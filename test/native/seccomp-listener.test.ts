/** linux.seccomp.listenerPath: somebody else answers the calls of a container. */

import { once } from 'node:events';
import { closeSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { NR, useCalls } from '../support/calls.js';
import { linuxOf, processOf, useContainers } from '../support/inside.js';
import { call } from '../support/libc.js';
import { answerCall, takeCall } from '../support/notifications.js';
import { newId } from '../support/tsrun.js';
import { acceptMessages, bindDatagram, listenUnix } from '../support/unix-socket.js';

const lab = useContainers();

const calls = useCalls();

const IGNORED: ['ignore', 'ignore', 'ignore'] = ['ignore', 'ignore', 'ignore'];
/** Takes one call of the container's and answers it with an errno. */
async function answer(fd: number, errno: number): Promise<{ number: number; arg: bigint }> {
  const { id, number, arg } = await takeCall(fd);
  answerCall(fd, id, errno);
  return { number, arg };
}

function notifying(spec: Spec, path: string, privileges: boolean, names = ['umask']): void {
  processOf(spec).noNewPrivileges = privileges;
  spec.annotations = { place: 'Zürich' };
  linuxOf(spec).seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    listenerPath: path,
    listenerMetadata: 'for "whom"',
    flags: ['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
    syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }],
  };
}

interface ProcessState {
  ociVersion: string;
  fds: string[];
  pid: number;
  metadata: string;
  state: { id: string; status: string; pid: number; annotations: Record<string, string> };
}

/** What one connection brought. */
async function handedOver(listener: number): Promise<{ fd: number; state: ProcessState }> {
  const messages = await acceptMessages(listener);
  const fds = messages.flatMap((message) => message.fds);
  expect(fds).toHaveLength(1);
  const [fd = -1] = fds;
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('anon_inode:seccomp notify');
  return { fd, state: JSON.parse(messages.map(({ text }) => text).join('')) as ProcessState };
}

test.each([true, false])(
  'create and exec hand the listener over, noNewPrivileges %s',
  async (privileges) => {
    const socket = join(lab.directory(), 'listener');
    const listening = listenUnix(socket);
    const bundle = lab.bundle(
      `/bin/call ${NR.umask} 0x123 > /dev/shm/result; exec sleep 1000`,
      (spec, made) => {
        notifying(spec, socket, privileges);
        calls.into(made);
      },
    );
    const runtime = lab.runtime();
    const id = newId();
    const created = handedOver(listening);
    expect(
      await runtime(['create', '--bundle', bundle.path, id], { stdio: IGNORED }),
    ).toMatchObject({
      status: 0,
    });
    const { fd, state } = await created;
    const { pid } = JSON.parse((await runtime(['state', id])).stdout) as { pid: number };
    // All that the specification has, and nothing else.
    const whole = { ociVersion: '1.3.0', fds: ['seccompFd'], pid, metadata: 'for "whom"' };
    const container = { ociVersion: bundle.spec.ociVersion, id, pid, bundle: bundle.path };
    const annotations = { place: 'Zürich' };
    expect(state).toEqual({ ...whole, state: { ...container, status: 'creating', annotations } });
    expect((await runtime(['start', id])).status).toBe(0);
    expect(await answer(fd, 42)).toEqual({ number: NR.umask, arg: 0x123n });

    const executed = handedOver(listening);
    const exec = runtime(['exec', id, '/bin/call', String(NR.umask), '0x77']);
    const second = await executed;
    // The process is that of exec, the state that of the container.
    const of = second.state.pid;
    expect(of).not.toBe(pid);
    expect(second.state).toEqual({
      ...whole,
      pid: of,
      state: { ...container, status: 'running', annotations },
    });
    const { id: question, ...asked } = await takeCall(second.fd);
    expect(asked).toEqual({ pid: of, number: NR.umask, arg: 0x77n });
    answerCall(second.fd, question, 43);
    expect(await exec).toMatchObject({ status: 0, stdout: '-43\n', stderr: '' });

    const cat = runtime(['exec', id, 'cat', '/dev/shm/result']);
    closeSync((await handedOver(listening)).fd);
    expect((await cat).stdout).toBe('-42\n');
    for (const each of [fd, second.fd, listening]) closeSync(each);
    await runtime(['delete', '--force', id]);
  },
);

test('calls of the runtime itself may be asked about too', async () => {
  const socket = join(lab.directory(), 'listener');
  const listening = listenUnix(socket);
  const { path } = lab.bundle('true', (spec) => {
    notifying(spec, socket, true, ['close']);
  });
  const runtime = lab.runtime();
  const id = newId();
  const created = handedOver(listening);
  expect((await runtime(['create', '--bundle', path, id], { stdio: IGNORED })).status).toBe(0);
  for (const each of [(await created).fd, listening]) closeSync(each);
  await runtime(['delete', '--force', id]);
});

test('handing the listener over is no call that the profile judges', async () => {
  const socket = join(lab.directory(), 'listener');
  const listening = listenUnix(socket);
  const { path } = lab.bundle('true', (spec) => {
    notifying(spec, socket, true);
    linuxOf(spec).seccomp?.syscalls?.push({ names: ['sendmsg'], action: 'SCMP_ACT_ERRNO' });
  });
  const runtime = lab.runtime();
  const id = newId();
  const created = handedOver(listening);
  // Who waits for a listener that does not come waits for ever.
  const prefix = ['timeout', '--signal=KILL', '10'];
  const create = ['create', '--bundle', path, id];
  const result = await runtime(create, { stdio: IGNORED, prefix });
  if (result.status !== 0) call('shutdown', listening, 2);
  expect(result).toMatchObject({ status: 0 });
  for (const each of [(await created).fd, listening]) closeSync(each);
  await runtime(['delete', '--force', id]);
});

test('without a listener nothing is made', async () => {
  const result = await lab.run('true', (spec) => {
    notifying(spec, '/nowhere/listener', true);
  });
  expect(result).toMatchObject({
    status: 1,
    stderr:
      'tsrun: /linux/seccomp/listenerPath: cannot connect to /nowhere/listener: no such file or directory\n',
  });
});

test.each<[string, (directory: string) => string, string]>([
  ['a device', () => '/dev/null', 'connection refused'],
  [
    'a file',
    (directory) => {
      writeFileSync(join(directory, 'file'), '');
      return join(directory, 'file');
    },
    'connection refused',
  ],
  ['a directory', (directory) => directory, 'connection refused'],
  [
    'a socket that nobody listens on',
    (directory) => {
      closeSync(listenUnix(join(directory, 'socket')));
      return join(directory, 'socket');
    },
    'connection refused',
  ],
  [
    'a socket for datagrams',
    (directory) => {
      const socket = bindDatagram(join(directory, 'datagrams'));
      lab.cleanup(() => {
        closeSync(socket);
      });
      return join(directory, 'datagrams');
    },
    'protocol wrong type for socket',
  ],
  ['a path that is too long', () => `/${'x'.repeat(120)}`, 'file name too long'],
])('%s is no listener', async (_name, make, reason) => {
  const path = make(lab.directory());
  const result = await lab.run('true', (spec) => {
    notifying(spec, path, true);
  });
  expect(result).toMatchObject({
    status: 1,
    stdout: '',
    stderr: `tsrun: /linux/seccomp/listenerPath: cannot connect to ${path}: ${reason}\n`,
  });
});

test('exec ends without a listener, and the container goes on', async () => {
  const socket = join(lab.directory(), 'listener');
  const listening = listenUnix(socket);
  const { path } = lab.bundle('exec sleep 1000', (spec) => {
    notifying(spec, socket, true);
  });
  const runtime = lab.runtime();
  const id = newId();
  const created = handedOver(listening);
  const run = ['run', '--detach', '--bundle', path, id];
  expect(await runtime(run, { stdio: IGNORED })).toMatchObject({ status: 0 });
  for (const each of [(await created).fd, listening]) closeSync(each);
  const exec = await runtime(['exec', id, 'true']);
  expect([exec.status, exec.stderr]).toEqual([
    255,
    `tsrun: /linux/seccomp/listenerPath: cannot connect to ${socket}: connection refused\n`,
  ]);
  const { stdout } = await runtime(['ps', '--format', 'json', id]);
  expect(JSON.parse(stdout)).toHaveLength(1);
  await runtime(['delete', '--force', id]);
});

test('who listens and takes no connection ends the create, after ten seconds', async () => {
  const socket = join(lab.directory(), 'listener');
  const listening = listenUnix(socket);
  // As many as wait to be accepted, and one more: the others find no room.
  const waiting = Array.from({ length: 9 }, () => connect(socket));
  await Promise.all(waiting.map((each) => once(each, 'connect')));
  const result = await lab.run('true', (spec) => {
    notifying(spec, socket, true);
  });
  for (const each of waiting) each.destroy();
  closeSync(listening);
  expect(result).toMatchObject({
    status: 1,
    stdout: '',
    stderr: `tsrun: /linux/seccomp/listenerPath: cannot connect to ${socket}: resource temporarily unavailable\n`,
  });
});
