/** process.user, args, env, cwd, oomScoreAdj, noNewPrivileges, as the program itself sees them. */

import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Process, Spec } from '../../src/spec/types.js';
import type { Bundle } from '../support/bundle.js';
import { fieldsOf, stateOf, useScene } from '../support/scene.js';
import { newId, runProgram } from '../support/tsrun.js';

const scene = useScene();

const withProcess =
  (change: Partial<Process>) =>
  (spec: Spec): void => {
    spec.process = { ...spec.process, ...change } as Process;
  };

const KEEP = { 'run.oci.keep_original_groups': '1' };

test('annotation run.oci.keep_original_groups leaves the groups of the caller', async () => {
  const prefix = ['setpriv', '--groups', '5,70001'];
  const groups = async (annotations: Record<string, string>, user?: boolean): Promise<string> => {
    const bundle = scene.bundle('grep Groups: /proc/self/status', (spec) => {
      spec.annotations = annotations;
      withProcess({ user: { uid: 1000, gid: 2000, additionalGids: [6] } })(spec);
      if (user !== true || spec.linux === undefined) return;
      spec.linux.namespaces?.push({ type: 'user' });
      const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      Object.assign(spec.linux, { uidMappings: mapping, gidMappings: mapping });
    });
    if (user === true) await runProgram(['chown', '-R', '100000:100000', bundle.path]);
    const { status, stdout, stderr } = await scene.run(bundle, [], { prefix });
    expect(status).toBe(0);
    expect(stderr).toBe(
      annotations === KEEP
        ? 'tsrun: warning: /process/user/additionalGids: left out, since annotation ' +
            'run.oci.keep_original_groups keeps those of the caller\n'
        : '',
    );
    return stdout.trim();
  };
  expect(await groups(KEEP)).toBe('Groups:\t5 70001');
  // Those of the host have no names inside.
  expect(await groups(KEEP, true)).toBe('Groups:\t65534 65534');
  expect(await groups({ 'run.oci.keep_original_groups': '0' })).toBe('Groups:\t6');

  const bundle = scene.bundle('exec sleep 1000', (spec) => {
    spec.annotations = KEEP;
  });
  const id = newId();
  const quiet = ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'];
  const create = ['create', '--bundle', bundle.path, id];
  expect((await scene.runtime(create, { stdio: quiet })).status).toBe(0);
  expect((await scene.runtime(['start', id])).status).toBe(0);
  const exec = ['exec', id, 'grep', 'Groups:', '/proc/self/status'];
  expect((await scene.runtime(exec, { prefix })).stdout.trim()).toBe('Groups:\t5 70001');
  await scene.runtime(['delete', '--force', id]);
});

test('the program has the user, groups and umask of the configuration', async () => {
  const status = fieldsOf(
    await scene.output(
      'cat /proc/self/status',
      withProcess({ user: { uid: 1000, gid: 2000, umask: 0o27, additionalGids: [5, 70000] } }),
    ),
  );
  expect(status['Uid']).toBe('1000\t1000\t1000\t1000');
  expect(status['Gid']).toBe('2000\t2000\t2000\t2000');
  expect(status['Groups']).toBe('5 70000');
  expect(status['Umask']).toBe('0027');
});

test('root has no groups of the caller and the umask 022', async () => {
  const status = fieldsOf(
    await scene.output('cat /proc/self/status', withProcess({ user: { uid: 0, gid: 0 } })),
  );
  expect(status['Uid']).toBe('0\t0\t0\t0');
  expect(status['Groups']).toBe('');
  expect(status['Umask']).toBe('0022');
});

test('a umask of zero is not taken for none', async () => {
  const user = { uid: 0, gid: 0, umask: 0 };
  const status = fieldsOf(await scene.output('cat /proc/self/status', withProcess({ user })));
  expect(status['Umask']).toBe('0000');
});

test('arguments arrive as they are', async () => {
  const args = ['printf', '<%s>', 'a b', '', '*', '$HOME', 'ä\n', '--'];
  expect(await scene.output('', withProcess({ args }))).toBe('<a b><><*><$HOME><ä\n><-->');
});

test.each<[string, number, string[], string[]]>([
  ['HOME comes from /etc/passwd', 0, ['A=1'], ['A=1', 'HOME=/root']],
  ['HOME of another user', 1000, ['A=1'], ['A=1', 'HOME=/home/user']],
  ['HOME of an unknown user is /', 4242, ['A=1'], ['A=1', 'HOME=/']],
  ['an empty HOME is filled in', 1000, ['HOME=', 'A=1'], ['A=1', 'HOME=/home/user']],
  ['a given HOME is kept', 1000, ['HOME=/x', 'A=1'], ['HOME=/x', 'A=1']],
  ['the last entry of a name wins', 0, ['HOME=/', 'A=1', 'B=', 'A=2=3'], ['HOME=/', 'B=', 'A=2=3']],
])('env: %s', async (_name, uid, env, expected) => {
  const text = await scene.output(
    '',
    withProcess({ args: ['/bin/env'], env, user: { uid, gid: 0 } }),
  );
  expect(text.trimEnd().split('\n')).toEqual(expected);
});

test('HOME is / without an /etc/passwd', async () => {
  const bundle = scene.bundle('', withProcess({ args: ['/bin/sh', '-c', 'echo $HOME'], env: [] }));
  writeFileSync(join(bundle.rootfs, 'etc/passwd'), '');
  expect((await scene.run(bundle)).stdout).toBe('/\n');
});

test('a missing working directory is made, on a read-only root too', async () => {
  const text = await scene.output(
    'pwd; stat -c "%u:%g %a" . ..',
    withProcess({ cwd: '/made/for/it', user: { uid: 1000, gid: 1000, umask: 0o77 } }),
  );
  expect(text).toBe('/made/for/it\n0:0 755\n0:0 755\n');
});

test('a working directory that only the user may enter is entered', async () => {
  const text = await scene.output('', (spec) => {
    withProcess({
      args: ['/bin/pwd'],
      cwd: '/mnt/own',
      user: { uid: 1000, gid: 1000 },
    })(spec);
    spec.mounts?.push({
      destination: '/mnt/own',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['mode=0700', 'uid=1000', 'gid=1000'],
    });
  });
  expect(text).toBe('/mnt/own\n');
});

test('a working directory that nobody in the container may enter is named, by create and by exec', async () => {
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const mapped = (cwd: string): Bundle => {
    const bundle = scene.bundle('sleep 1000', (spec) => {
      withProcess({ cwd, user: { uid: 1000, gid: 1000 } })(spec);
      spec.linux?.namespaces?.push({ type: 'user' });
      Object.assign(spec.linux ?? {}, { uidMappings: mapping, gidMappings: mapping });
    });
    execFileSync('chown', ['-R', '100000:100000', bundle.path]);
    // Of somebody who is not there: not even the container's root may enter.
    mkdirSync(join(bundle.rootfs, 'closed'), { mode: 0o700 });
    chownSync(join(bundle.rootfs, 'closed'), 5, 5);
    return bundle;
  };
  const made = await scene.runtime(['create', '--bundle', mapped('/closed').path, newId()]);
  const refused = (pointer: string): string =>
    `tsrun: ${pointer}: cannot change to directory /closed: permission denied\n`;
  expect(made).toMatchObject({ status: 1, stdout: '', stderr: refused('/process/cwd') });

  const id = newId();
  const run = ['run', '--detach', '--bundle', mapped('/').path, id];
  const quiet = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };
  expect(await scene.runtime(run, quiet)).toMatchObject({ status: 0 });
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  const entered = await scene.runtime(['exec', '--cwd', '/closed', id, 'true']);
  expect(entered).toMatchObject({ status: 255, stdout: '', stderr: refused('/cwd') });
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
});

test('a working directory that is a file is refused by its name', async () => {
  const result = await scene.run(scene.bundle('true', withProcess({ cwd: '/etc/passwd' })));
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/^tsrun: \/process\/cwd: .*\/etc\/passwd: not a directory\n$/);
});

test.each([0, 999])('oomScoreAdj %d is in force', async (oomScoreAdj) => {
  const text = await scene.output('cat /proc/self/oom_score_adj', withProcess({ oomScoreAdj }));
  expect(text).toBe(`${oomScoreAdj.toString()}\n`);
});

test('an oomScoreAdj that takes a capability is set, or refused by its name', async () => {
  const lower = 'echo -500 > /proc/self/oom_score_adj';
  const granted = (await runProgram(['sh', '-c', lower])).status === 0;
  const bundle = scene.bundle('cat /proc/self/oom_score_adj', withProcess({ oomScoreAdj: -500 }));
  const { stdout, stderr } = await scene.run(bundle);
  expect({ stdout, stderr }).toEqual(
    granted
      ? { stdout: '-500\n', stderr: '' }
      : {
          stdout: '',
          stderr: 'tsrun: /process/oomScoreAdj: cannot set it to -500: permission denied\n',
        },
  );
});

test.each([
  [true, '1'],
  [false, '0'],
])('noNewPrivileges %s', async (noNewPrivileges, expected) => {
  const text = await scene.output('cat /proc/self/status', withProcess({ noNewPrivileges }));
  expect(fieldsOf(text)['NoNewPrivs']).toBe(expected);
});

test('the program starts with default signals, nothing blocked, in a session of its own', async () => {
  const text = await scene.output(
    '',
    withProcess({ args: ['/bin/cat', '/proc/self/status', '/proc/self/stat'] }),
  );
  const status = fieldsOf(text);
  expect(status['SigBlk']).toBe('0000000000000000');
  expect(status['SigIgn']).toBe('0000000000000000');
  // pid (comm) state ppid pgrp session
  expect(text).toMatch(/^1 \(cat\) R 0 1 1 /m);
});

test('a limit of processes that the user has reached keeps no container of theirs from starting', async () => {
  const busy = scene.bundle('exec sleep 1000', withProcess({ user: { uid: 34_568, gid: 0 } }));
  const id = newId();
  const quiet = ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'];
  const started = await scene.runtime(['run', '--detach', '--bundle', busy.path, id], {
    stdio: quiet,
  });
  expect(started.status).toBe(0);
  const limited = withProcess({
    user: { uid: 34_568, gid: 0 },
    rlimits: [{ type: 'RLIMIT_NPROC', soft: 1, hard: 1 }],
  });
  const { status, stdout } = await scene.run(scene.bundle('echo here; true & echo no', limited));
  // The second process of the container is one too many.
  expect([status, stdout]).toEqual([2, 'here\n']);
  await scene.runtime(['delete', '--force', id]);
});
