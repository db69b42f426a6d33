/** What `spec` writes with its options, run, and looked at from inside. */

import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();

/** Runs a container of the config.json that `spec` writes. */
async function run(options: readonly string[], script: string): Promise<string> {
  const { path, rootfs } = lab.bundle('true');
  // Another root than that of the host, who owns this file system, could not make it.
  mkdirSync(join(rootfs, 'run'));
  rmSync(join(path, 'config.json'));
  const runtime = lab.runtime();
  const written = await runtime(['spec', '--bundle', path, ...options, '--', 'sh', '-c', script]);
  expect(written).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  const result = await runtime(['run', '--bundle', path, newId()]);
  // Root of this machine may lack a capability that a system container gets.
  const stderr = result.stderr.replace(/^tsrun: warning: .* cannot be granted here.*\n/gm, '');
  expect({ ...result, stderr }).toMatchObject({ status: 0, stderr: '' });
  return result.stdout.trimEnd();
}

test('host name, variables, a shared directory, capabilities, a writable root', async () => {
  const shared = lab.directory();
  writeFileSync(join(shared, 'file'), 'shared');
  const output = await run(
    [
      ...['--tty=false', '--hostname', 'box', '--env', 'COLOUR=blue', '--read-only=false'],
      ...['--bind', `${shared}:/mnt:ro`, '--cap-drop', 'ALL', '--cap-add', 'chown'],
    ],
    [
      'hostname; echo $COLOUR; cat /mnt/file; echo',
      'touch /mnt/x 2>/dev/null || echo read-only; touch /x && echo writable',
      'grep -E "^Cap(Bnd|Eff)" /proc/self/status',
    ].join('; '),
  );
  expect(output.split('\n')).toEqual([
    ...['box', 'blue', 'shared', 'read-only', 'writable'],
    ...['CapEff:\t0000000000000001', 'CapBnd:\t0000000000000001'],
  ]);
});

test('a user namespace, by one setting', async () => {
  const map = await run(['--tty=false', '--userns', 'auto'], 'cat /proc/self/uid_map');
  expect(map.trim().split(/\s+/)).toEqual(['0', '100000', '65536']);
  const own = await run(['--tty=false'], 'cat /proc/self/uid_map');
  expect(own.trim().split(/\s+/)).toEqual(['0', '0', '4294967295']);
});

test('the network of the host, with a user namespace too', async () => {
  const own = await run(['--tty=false', '--network', 'none'], 'ip -o link');
  expect(own.split('\n').map((line) => line.split(' ')[1])).toEqual(['lo:']);
  const { ino } = statSync('/proc/self/ns/net');
  for (const more of [[], ['--userns', 'auto']]) {
    const inside = await run(
      ['--tty=false', '--network', 'host', ...more],
      'readlink /proc/self/ns/net; test -d /sys/class/net/lo && echo sysfs',
    );
    expect(inside.split('\n')).toEqual([`net:[${ino}]`, 'sysfs']);
  }
});

test('a system container has what an init system needs', async () => {
  for (const more of [[], ['--userns', 'auto']]) {
    const output = await run(
      ['--system', ...more],
      [
        'echo $$ $container; touch /run/a /run/lock/b /tmp/c && echo tmpfs',
        'mkdir /sys/fs/cgroup/init.scope && rmdir /sys/fs/cgroup/init.scope && echo cgroup',
        'mount -t tmpfs x /mnt && echo mounts; grep NoNewPrivs /proc/self/status',
      ].join('; '),
    );
    expect(output.split('\n')).toEqual([
      ...['1 oci', 'tmpfs', 'cgroup', 'mounts', 'NoNewPrivs:\t0'],
    ]);
  }
});

test('a profile is merged', async () => {
  const directory = lab.directory();
  mkdirSync(join(directory, 'data'));
  const profile = join(directory, 'web.json');
  writeFileSync(
    profile,
    JSON.stringify({
      process: { env: ['ROLE=web'], terminal: false },
      mounts: [
        { destination: '/mnt', type: 'bind', source: join(directory, 'data'), options: ['rbind'] },
      ],
    }),
  );
  const output = await run(
    ['--profile', profile],
    'echo $ROLE; touch /mnt/made && ls /mnt; echo $PATH',
  );
  expect(output.split('\n').slice(0, 2)).toEqual(['web', 'made']);
  expect(output).toContain('/usr/bin');
});
