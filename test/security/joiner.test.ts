/** What a process that is set up keeps from those who can look into it (security.md rows 1, 2, 5). */

import { chmodSync, mkdirSync, symlinkSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { inUserNamespace, processOf, useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';
import type { RunOptions } from '../support/tsrun.js';

const lab = useContainers();

it('at the gate, process 1 has nothing of the set-up open', async () => {
  const runtime = lab.runtime();
  const id = newId();
  const { path } = lab.bundle('true', (spec) => {
    // All that it takes to look into any process of the container's.
    const all = ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH'];
    processOf(spec).capabilities = { bounding: all, effective: all, permitted: all };
  });
  const stdio: RunOptions['stdio'] = ['ignore', 'ignore', 'ignore'];
  expect(await runtime(['create', '--bundle', path, id], { stdio })).toMatchObject({ status: 0 });
  const script = [
    'cd /proc/1/fd',
    'for fd in *; do echo "$fd $(readlink $fd)"; done',
    'echo exe $(readlink /proc/1/exe)',
    'for fd in *; do test -d $fd/ && echo directory $fd; done',
    'echo x 2>&1 > /proc/1/exe',
    'chmod 0 /proc/1/exe 2>&1',
    'true',
  ].join('\n');
  const inside = await runtime(['exec', id, 'sh', '-c', script]);
  expect(inside).toMatchObject({ status: 0 });
  const lines = inside.stdout.trim().split('\n');
  const fds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(' ')[1] ?? '');
  // Standard streams, the socket to a parent that is gone, the two fifos.
  for (const target of fds) {
    expect(target).toMatch(/^(\/dev\/null|pipe:.*|socket:.*|.*\/exec\.(fifo|report))$/);
  }
  expect(lines).toContain('exe /memfd:tsrun (deleted)');
  expect(inside.stdout).not.toContain('directory');
  // The helper of the next container is the same file in a library's process.
  expect(inside.stdout).toMatch(/chmod: .*(not permitted|denied)/);
  expect(await runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
});

it('hooks get no capabilities that the helper only carried over', async () => {
  const result = await lab.run('grep -E "Cap(Inh|Amb)" /proc/self/status', (spec, bundle) => {
    inUserNamespace(spec, bundle);
    const out = join(bundle.rootfs, 'tmp/hook');
    writeFileSync(out, '');
    // The hook is run as the container's root, another user outside.
    chmodSync(out, 0o666);
    spec.hooks = {
      createContainer: [
        { path: '/bin/sh', args: ['sh', '-c', `exec cat /proc/self/status > ${out}`] },
      ],
    };
    spec.mounts?.push({
      destination: '/mnt',
      source: join(bundle.rootfs, 'tmp'),
      options: ['bind'],
    });
    processOf(spec).args = ['sh', '-c', 'grep -E "Cap(Inh|Amb)" /proc/self/status /mnt/hook'];
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout.match(/Cap(Inh|Amb):\t0{16}$/gm)).toHaveLength(4);
});

it('hooks get none of the descriptors that are preserved for the program', async () => {
  const file = join(lab.directory(), 'preserved');
  writeFileSync(file, '');
  const result = await lab.run(
    'cat /mnt/hook; echo "program $(readlink /proc/self/fd/3)"',
    (spec, { path }) => {
      mkdirSync(join(path, 'shared'));
      spec.hooks = {
        createContainer: [
          {
            path: '/bin/sh',
            args: ['sh', '-c', `echo "hook $(readlink /proc/self/fd/3)" > ${path}/shared/hook`],
          },
        ],
      };
      spec.mounts?.push({ destination: '/mnt', source: 'shared', options: ['bind'] });
    },
    { prefix: ['sh', '-c', `exec 3<${file}; exec "$0" "$@"`], flags: ['--preserve-fds', '1'] },
  );
  expect(result.stderr).toBe('');
  expect(result.stdout).toMatch(/hook .*\nprogram .*\/preserved\n/);
  expect(result.stdout).not.toMatch(/hook .*preserved/);
});

it('nothing but a procfs covers /proc, not by a link of the image either', async () => {
  for (const destination of ['/data', '/proc']) {
    const result = await lab.run('true', (spec, { rootfs, path }) => {
      symlinkSync('proc', join(rootfs, 'data'));
      mkdirSync(join(path, 'fake'));
      spec.mounts?.push({ destination, source: 'fake', options: ['bind'] });
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/mounts\/7: .*(\/data|\/proc)/);
  }
  const root = await lab.run('true', (spec, { rootfs, path }) => {
    symlinkSync('/', join(rootfs, 'data'));
    mkdirSync(join(path, 'fake'));
    spec.mounts?.push({ destination: '/data', source: 'fake', options: ['bind'] });
  });
  expect(root).toMatchObject({ status: 1, stdout: '' });
  // The host's own procfs is one, and is what a container with the host's pids binds.
  const host = await lab.run('cat /proc/1/comm', (spec) => {
    spec.mounts?.push({ destination: '/proc', source: '/proc', options: ['rbind'] });
  });
  expect(host).toMatchObject({
    status: 0,
    stdout: readFileSync('/proc/1/comm', 'utf8'),
    stderr: '',
  });
});

it('masks find the null device or nothing: an image with another /dev/null is refused', async () => {
  const result = await lab.run('true', (spec, { rootfs, path }) => {
    rmdirSync(join(rootfs, 'dev'));
    // A /dev that is a volume, so that no device of ours is made in it.
    mkdirSync(join(path, 'dev'));
    mkdirSync(join(rootfs, 'dev'));
    symlinkSync('/etc/passwd', join(path, 'dev/null'));
    spec.mounts = spec.mounts?.filter(({ destination }) => !destination.startsWith('/dev')) ?? [];
    spec.mounts.push({ destination: '/dev', source: 'dev', options: ['bind'] });
  });
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(/\/linux\/maskedPaths\/\d+: .*\/dev\/null/);
});
