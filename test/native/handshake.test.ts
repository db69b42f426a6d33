/** What comes between the clone and the program when one side dies, or cannot say what it has to. */

import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { loadBundle } from '../../src/lifecycle/bundle.js';
import { pidOfPidfd } from '../../src/lifecycle/child.js';
import { create } from '../../src/lifecycle/create.js';
import { execute } from '../../src/lifecycle/execute.js';
import { EAGAIN, EBADF, EMFILE, POLLIN } from '../../src/native/constants.js';
import type { Native } from '../../src/native/types.js';
import { waitFor } from '../../src/native/wait.js';
import { FailureCode, NO_STEP, SyncPoint } from '../../src/plan/steps.js';
import type { Step } from '../../src/plan/steps.js';
import { StateRoot } from '../../src/state/root.js';
import { native } from '../support/addon.js';
import { cgroupsOf } from '../support/left.js';
import { REPOSITORY } from '../support/library.js';
import { useScene } from '../support/scene.js';
import type { Running } from '../support/scene.js';
import { COMMAND, newId } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const arm = process.arch === 'arm64';
const SENDTO = arm ? 206 : 44;
const SENDMSG = arm ? 211 : 46;
const CLOSE_RANGE = 436;
const ENOMEM = 12;
const EPERM = 1;
const CLOEXEC = 4;
const CLONE_NEWPID = 0x20000000;
const RLIMIT_NOFILE = 7;

/** A command of the runtime that gets `rule`'s answer for a system call; it has 10 s. */
const script = join(REPOSITORY, 'test/support/without-call.mjs');
const answered = (rule: string): { prefix: string[] } => ({
  prefix: ['timeout', '--signal=KILL', '10', process.execPath, script, rule],
});

const scene = useScene();

/** The process ids in the container's cgroup. */
function inside({ pid }: Running): string[] {
  const own = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid.toString()}/cgroup`, 'utf8'))?.[1] ?? '';
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.includes(' - cgroup2 '));
  const root = mount?.split(' ')[4] ?? '/sys/fs/cgroup';
  return readFileSync(join(root, own, 'cgroup.procs'), 'utf8')
    .trim()
    .split('\n');
}

describe.each([
  {
    what: 'the first process is killed before it has told of the second',
    rule: `${SENDMSG.toString()}:kill`,
    said: 'the process was killed by signal 31 while it was set up',
  },
  {
    what: 'the process cannot send what it has to say',
    rule: `${SENDMSG.toString()}:${ENOMEM.toString()}`,
    said: 'cannot hear from the process while it is set up: cannot allocate memory',
  },
  {
    what: 'the plan cannot be announced',
    rule: `${SENDTO.toString()}:${ENOMEM.toString()}`,
    said: 'cannot start a process: cannot allocate memory',
  },
  {
    what: 'the helper cannot close what it was not given',
    rule: `${CLOSE_RANGE.toString()},2=0:${EPERM.toString()}`,
    said: 'cannot close the descriptors of the runtime in the process: operation not permitted',
  },
  {
    what: 'it cannot be kept from the program',
    rule: `${CLOSE_RANGE.toString()},2=${CLOEXEC.toString()}:${EPERM.toString()}`,
    said: 'cannot close the descriptors of the runtime in the process: operation not permitted',
  },
])('where $what', ({ rule, said }) => {
  const fails = (result: Result): void => {
    expect(result.stderr).toContain(said);
    expect(result.status).not.toBe(0);
    expect(result.signal).toBeNull();
  };

  test('exec fails, says so, and leaves no process', async () => {
    const container = await scene.started('exec sleep 1000');
    fails(await scene.runtime(['exec', container.id, 'true'], answered(rule)));
    expect(inside(container)).toEqual([container.pid.toString()]);
    await container.remove();
  });

  test('create with a user namespace fails, says so, and leaves nothing', async () => {
    const map = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const bundle = scene.bundle('exec sleep 1000', (spec) => {
      spec.linux?.namespaces?.push({ type: 'user' });
      Object.assign(spec.linux ?? {}, { uidMappings: map, gidMappings: map });
    });
    fails(await scene.runtime(['create', '--bundle', bundle.path, newId()], answered(rule)));
  });
});

test.each(['before', 'after'] as const)(
  'create fails when its process dies %s it goes to its gate',
  async (side) => {
    const { path } = scene.bundle('true');
    const id = newId();
    const pidFile = join(path, 'pid');
    let pidfd = -1;
    const mortal: Native = {
      ...native,
      spawn: (request) => {
        const spawned = native.spawn(request);
        if (typeof spawned === 'object') ({ pidfd } = spawned);
        return spawned;
      },
      proceed: (socket) => {
        const state = readFileSync(join(scene.runtime.root, id, 'state.json'), 'utf8');
        const isLast = state.includes('"phase":"created"');
        const sent = side === 'after' ? native.proceed(socket) : 0;
        if (isLast) killAndWait(pidfd);
        return side === 'after' ? sent : native.proceed(socket);
      },
    };
    const made = create(mortal, {
      ...{ root: StateRoot.open(native, scene.runtime.root), id, bundle: path, pidFile },
      ...{ spec: loadBundle(native, path).spec, stdio: [-1, -1, -1], warn: () => undefined },
    });
    await expect(made).rejects.toThrow('the process was killed by signal 9 while it was set up');
    expect([existsSync(pidFile), scene.runtime.leftover()]).toEqual([false, []]);
  },
);

/** Returns when it is a zombie. */
function killAndWait(pidfd: number): void {
  const pid = pidOfPidfd(native, pidfd);
  native.pidfdKill(pidfd, 9);
  while (!/\) Z/.test(readFileSync(`/proc/${pid.toString()}/stat`, 'utf8')));
}

test('a hook cannot run that would have what the caller preserved', async () => {
  const bundle = scene.bundle('true', (spec) => {
    spec.hooks = { createContainer: [{ path: '/bin/true' }] };
  });
  // The helper's own call begins at 4.
  const { prefix } = answered(`${CLOSE_RANGE.toString()},0=3:${EPERM.toString()}`);
  const result = await scene.runtime(
    ['run', '--preserve-fds', '1', '--bundle', bundle.path, newId()],
    { prefix: [...prefix, 'sh', '-c', 'exec 3</dev/null; exec "$@"', 'sh'] },
  );
  expect(result.stderr).toContain('/hooks/createContainer/0: ');
  expect(result.stderr).toContain('operation not permitted');
  expect(result.status).not.toBe(0);
});

// Node itself ends for want of descriptors.
const executable = test.skipIf(COMMAND[0] === process.execPath);

executable(
  'what fails for want of descriptors says so, and not what another step would',
  async () => {
    const bundle = scene.bundle('true', (spec) => {
      if (spec.process !== undefined) delete spec.process.rlimits;
    });
    const said = new Set<string>();
    for (let limit = 8; limit < 40; limit++) {
      const prefix = ['prlimit', `--nofile=${limit.toString()}:${limit.toString()}`];
      const id = newId();
      const log = join(bundle.path, 'log');
      const create = ['--log', log, 'create', '--bundle', bundle.path, id];
      await scene.runtime(create, { prefix, stdio: ['ignore', 'ignore', 'ignore'] });
      // Whether anything is left is for other tests.
      await scene.runtime(['delete', '--force', id]);
      for (const cgroup of cgroupsOf(id)) rmdirSync(cgroup);
      if (existsSync(log)) said.add(readFileSync(log, 'utf8'));
      rmSync(log, { force: true });
    }
    for (const text of said) {
      expect(text).not.toMatch(/looked into|the process ended while it was set up/);
    }
  },
);

// The rest is about one conversation: no container is needed.

const request = (steps: readonly object[]) => ({
  cloneFlags: 0,
  earlyNamespaces: 0,
  cgroupFd: -1,
  stdio: [-1, -1, -1] as [number, number, number],
  preserve: [],
  fds: [],
  slots: 1,
  steps: steps.map((step) => ({ at: '', ...step })) as Step[],
  trace: false,
});

/** Children of this process. */
function children(): string[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      const path = `/proc/self/task/${thread}/children`;
      return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean);
    } catch {
      return [];
    }
  });
}

const SECOND = [
  { op: 'fork', flags: CLONE_NEWPID },
  { op: 'sync', point: SyncPoint.ready },
] as const;

test('a second process that nobody told of is killed and reaped with the first', async () => {
  const before = children();
  /** As if the first one had been killed right before it sends its message. */
  const deaf = new Proxy(native, {
    get: (target, name) =>
      name !== 'receive'
        ? (Reflect.get(target, name) as unknown)
        : (socket: number) => {
            const message = target.receive(socket);
            if (typeof message !== 'object' || message.type !== 'forked') return message;
            target.close(message.fd);
            return -EAGAIN;
          },
  });
  await expect(execute(deaf, request(SECOND), {})).rejects.toThrow(
    'the process ended while it was set up',
  );
  expect(children()).toEqual(before);
});

test('a message whose descriptor there was no number for is an error', async () => {
  const before = children();
  const lowered = new Proxy(native, {
    get: (target, name) =>
      name !== 'receive'
        ? (Reflect.get(target, name) as unknown)
        : (socket: number) => {
            target.setSoftLimit(RLIMIT_NOFILE, 3);
            const message = target.receive(socket);
            target.setSoftLimit(RLIMIT_NOFILE, 4096);
            return message;
          },
  });
  await expect(execute(lowered, request(SECOND), {})).rejects.toMatchObject({ errno: EMFILE });
  expect(children()).toEqual(before);
});

interface Spawned {
  pid: number;
  pidfd: number;
  socket: number;
}

async function end(on: Native, { pidfd, socket }: Spawned): Promise<void> {
  on.pidfdKill(pidfd, 9);
  await waitFor(on, pidfd, POLLIN, 10_000);
  on.reap(pidfd);
  for (const fd of [pidfd, socket]) on.close(fd);
}

test('a message is read though its sender left something unread', async () => {
  for (let times = 0; times < 50; times++) {
    const spawned = native.spawn({
      ...request([{ op: 'session' }]),
      stdio: [9999, -1, -1],
    }) as Spawned;
    await waitFor(native, spawned.pidfd, POLLIN, 10_000);
    expect(native.receive(spawned.socket)).toMatchObject({
      type: 'failed',
      step: NO_STEP,
      value: EBADF,
      code: FailureCode.placeDescriptors,
    });
    expect(native.receive(spawned.socket)).toBe(0);
    await end(native, spawned);
  }
});

test('a tree that the helper has no number for does not leave it the one without locks', async () => {
  const spawned = native.spawn(request([{ op: 'lock-tree', slot: 0 }, SECOND[1]])) as Spawned;
  await waitFor(native, spawned.socket, POLLIN, 10_000);
  const message = native.receive(spawned.socket);
  if (typeof message !== 'object') throw new Error('no message');
  expect(message).toMatchObject({ type: 'tree', step: 0 });
  expect(
    spawnSync('prlimit', ['--pid', spawned.pid.toString(), '--nofile=3:3'], { stdio: 'inherit' }),
  ).toMatchObject({ status: 0 });
  native.sendFd(spawned.socket, 'g', message.fd);
  native.close(message.fd);
  await waitFor(native, spawned.socket, POLLIN, 10_000);
  expect(native.receive(spawned.socket)).toMatchObject({
    type: 'failed',
    step: 0,
    value: EMFILE,
  });
  await end(native, spawned);
});
