/** exec: what each option does to the process, as it sees itself. */

import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Process, Spec } from '../../src/spec/types.js';
import { execOutput, fieldsOf, stateOf, useScene } from '../support/scene.js';
import type { Running } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

const sleeping = (change?: (spec: Spec) => void): Promise<Running> =>
  scene.started('exec sleep 1000', change);

const inside = (id: string, options: string[], script: string): Promise<string> =>
  execOutput(scene.runtime, id, options, script);

const STATUS = 'cat /proc/self/status; echo "Cwd: $PWD"; env | sed "s/=/: /"';

test('a gid of the container stays with another user', async () => {
  const container = await sleeping((spec) => {
    if (spec.process !== undefined) {
      spec.process.user = { uid: 1000, gid: 2000, additionalGids: [7], umask: 0o27 };
    }
  });
  const status = fieldsOf(await inside(container.id, ['-u', '5'], STATUS));
  expect(status['Uid']).toBe('5\t5\t5\t5');
  expect(status['Gid']).toBe('2000\t2000\t2000\t2000');
  expect(status['Groups']).toBe('7');
  expect(status['Umask']).toBe('0027');
  await container.remove();
});

test('--cwd, --env and HOME', async () => {
  const container = await sleeping();
  const options = ['--cwd', '/tmp', '-e', 'A=1', '--env', 'TERM=dumb', '-u', '1000', '-e', 'B=x=y'];
  const seen = fieldsOf(await inside(container.id, options, STATUS));
  expect(seen).toMatchObject({ Cwd: '/tmp', A: '1', TERM: 'dumb', B: 'x=y', HOME: '/home/user' });
  const missing = await scene.runtime(['exec', '--cwd', '/missing', container.id, 'true']);
  expect(missing.status).toBe(255);
  expect(missing.stderr).toMatch(/^tsrun: .*\/missing: no such file or directory\n$/);
  await container.remove();
});

test('CapInh and CapAmb are what the container says', async () => {
  const sets = ['CAP_CHOWN', 'CAP_KILL'];
  const container = await sleeping((spec) => {
    if (spec.process === undefined) return;
    spec.process.user = { uid: 1000, gid: 1000 };
    spec.process.capabilities = {
      bounding: sets,
      permitted: sets,
      effective: sets,
      inheritable: sets,
      ambient: ['CAP_CHOWN'],
    };
  });
  const seen = fieldsOf(await inside(container.id, [], STATUS));
  expect(seen).toMatchObject({
    CapInh: '0000000000000021',
    CapAmb: '0000000000000001',
    CapEff: '0000000000000001',
  });
  await container.remove();
});

test('--process takes a whole process object', async () => {
  const container = await sleeping();
  const file = join(container.bundle.path, 'process.json');
  const process: Process = {
    terminal: false,
    user: { uid: 12, gid: 34, additionalGids: [56], umask: 0o77 },
    args: ['sh', '-c', `${STATUS}; exit 7`],
    env: ['PATH=/bin', 'ONLY=this'],
    cwd: '/tmp',
    capabilities: { bounding: ['CAP_KILL'] },
    noNewPrivileges: true,
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 99, hard: 100 }],
  };
  writeFileSync(file, JSON.stringify(process));
  const result = await scene.runtime(['exec', '--process', file, container.id]);
  expect(result).toMatchObject({ status: 7, stderr: '' });
  expect(fieldsOf(result.stdout)).toMatchObject({
    Uid: '12\t12\t12\t12',
    Gid: '34\t34\t34\t34',
    Groups: '56',
    Umask: '0077',
    Cwd: '/tmp',
    ONLY: 'this',
    CapBnd: '0000000000000020',
    NoNewPrivs: '1',
  });
  await container.remove();
});

test('input, output, statuses and signals are those of the process', async () => {
  const container = await sleeping();
  const exec = (args: string[], input = ''): Promise<Result> =>
    scene.runtime(['exec', container.id, ...args], { input });
  expect(await exec(['cat'], 'in\n')).toMatchObject({ status: 0, stdout: 'in\n', stderr: '' });
  expect(await exec(['sh', '-c', 'echo out; echo err >&2; exit 77'])).toMatchObject({
    status: 77,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await exec(['sh', '-c', 'kill -TERM $$'])).toMatchObject({ status: 143, stderr: '' });
  expect(await exec(['sh', '-c', 'kill -KILL $$'])).toMatchObject({ status: 137, stderr: '' });
  // Options after the id are the program's.
  expect(await exec(['echo', '-u', '--detach'])).toMatchObject({ stdout: '-u --detach\n' });
  await container.remove();
});

test('--detach returns at once; the pid file has the pid and no newline', async () => {
  const container = await sleeping();
  const file = join(container.bundle.path, 'exec.pid');
  const exec = ['exec', '--detach', '--pid-file', file, container.id, 'sh', '-c'];
  expect(
    (await scene.runtime([...exec, 'read line < /tmp/nothing; exec sleep 1000'], QUIET)).status,
  ).toBe(0);
  const text = readFileSync(file, 'utf8');
  expect(text).toMatch(/^\d+$/);
  const pid = Number(text);
  expect(readFileSync(`/proc/${text}/cgroup`, 'utf8')).toBe(
    readFileSync(`/proc/${container.pid.toString()}/cgroup`, 'utf8'),
  );
  process.kill(pid, 'SIGKILL');
  expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  await container.remove();
});

test('a further process is in every namespace of the container', async () => {
  const container = await sleeping((spec) => {
    spec.linux?.namespaces?.push({ type: 'user' }, { type: 'time' });
    if (spec.linux !== undefined) {
      spec.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
      spec.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    }
  });
  const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
  const seen = await inside(
    container.id,
    ['-u', '1000:1000'],
    `for type in ${types.join(' ')}; do readlink /proc/self/ns/$type; done; id -u; pwd`,
  );
  const first = (type: string): string =>
    readlinkSync(`/proc/${container.pid.toString()}/ns/${type}`);
  expect(seen.trimEnd().split('\n')).toEqual([...types.map(first), '1000', '/']);
  for (const type of types) expect(first(type)).not.toBe(readlinkSync(`/proc/self/ns/${type}`));
  await container.remove();
});

test('exec joins a container that is not pid 1 of its pid namespace', async () => {
  const holder = await sleeping();
  const container = await scene.started('exec sleep 1000', (spec) => {
    spec.linux?.namespaces?.forEach((namespace) => {
      if (namespace.type === 'pid') namespace.path = `/proc/${holder.pid.toString()}/ns/pid`;
    });
  });
  const text = await inside(container.id, [], 'readlink /proc/self/ns/pid; cat /proc/1/cmdline');
  expect(text).toBe(
    `${readlinkSync(`/proc/${holder.pid.toString()}/ns/pid`)}\nsleep\u00001000\u0000`,
  );
  await container.remove();
  await holder.remove();
});

test('exec in a created container, which then starts as if nothing was', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const id = 'created-and-exec';
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  expect(await inside(id, [], 'hostname')).toBe('tsrun-test\n');
  expect((await stateOf(scene.runtime, id)).status).toBe('created');
  expect((await scene.runtime(['start', id])).status).toBe(0);
  expect((await stateOf(scene.runtime, id)).status).toBe('running');
  await scene.runtime(['delete', '--force', id]);
});

test('--cgroup is below the container, or refused', async () => {
  const container = await sleeping();
  const cgroup = /^0::(.*)$/m.exec(
    readFileSync(`/proc/${container.pid.toString()}/cgroup`, 'utf8'),
  )?.[1];
  const mount = (
    await runProgram(['findmnt', '-n', '-o', 'TARGET', '-t', 'cgroup2'])
  ).stdout.trim();
  const below = join(mount, cgroup ?? '', 'below');
  expect((await runProgram(['mkdir', below])).status).toBe(0);
  const exec = (path: string): Promise<Result> =>
    scene.runtime(['exec', '--cgroup', path, container.id, 'grep', '0::', '/proc/self/cgroup']);
  expect(await exec('/below')).toMatchObject({ status: 0, stdout: '0::/below\n' });
  expect(await exec('below')).toMatchObject({ status: 0, stdout: '0::/below\n' });
  expect(await exec('../..')).toMatchObject({ status: 255, stdout: '' });
  expect(await exec('missing')).toMatchObject({ status: 255, stdout: '' });
  await container.remove();
});
