/** Row 4 (CVE-2019-19921, CVE-2023-27561, CVE-2023-28642): /proc or /sys of the image is a link, or a volume. */

import { mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf, useContainers } from '../support/inside.js';

const lab = useContainers();

test('nothing but a procfs covers /proc, not by a link of the image either', async () => {
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

test('nothing can be mounted inside of /proc, but over what lxcfs shows', async () => {
  for (const destination of ['/proc/self/attr', '/proc//sys/', '/proc/1', '/x/../proc/acpi']) {
    const inside = await lab.run('true', (spec, { path }) => {
      spec.mounts?.push({ destination, type: 'bind', source: path, options: ['bind'] });
    });
    expect(inside).toMatchObject({ status: 1, stdout: '' });
    expect(inside.stderr).toMatch(/^tsrun: .*\/mounts\/7\/destination: .*inside of \/proc/);
  }
  // Where a link leads there, the plan cannot know.
  for (const to of ['/proc/sys', '../proc/self/attr']) {
    const linked = await lab.run('true', (spec, { path, rootfs }) => {
      symlinkSync(to, join(rootfs, 'way'));
      spec.mounts?.push({ destination: '/way', type: 'bind', source: path, options: ['bind'] });
    });
    expect(linked).toMatchObject({ status: 1, stdout: '' });
    expect(linked.stderr).toMatch(/^tsrun: \/mounts\/7: /);
  }
  const shown = await lab.inspect(
    { uptime: 'cat /proc/uptime', dev: 'cat /proc/net/dev', mem: 'cat /proc/meminfo' },
    (spec, { path }) => {
      writeFileSync(join(path, 'shown'), 'another\n');
      for (const name of ['uptime', 'net/dev', 'meminfo']) {
        spec.mounts?.push({
          destination: `/proc/${name}`,
          type: 'bind',
          source: join(path, 'shown'),
          options: ['bind', ''],
        });
      }
    },
  );
  expect(shown.uptime).toBe('another');
  expect(shown.mem).toBe('another');
});

test('a procfs or sysfs is not mounted on a link to elsewhere, and nothing else on /proc', async () => {
  const other = await lab.run('true', (spec) => {
    spec.mounts = [{ destination: '/proc/', type: 'tmpfs' }];
  });
  expect(other).toMatchObject({ status: 1, stdout: '' });
  expect(other.stderr).toMatch(/\/mounts\/0\/type.*\/proc/);
  for (const name of ['proc', 'sys']) {
    const link = await lab.run('true', (spec, { rootfs }) => {
      rmdirSync(join(rootfs, name));
      symlinkSync('tmp', join(rootfs, name));
      spec.mounts = spec.mounts?.filter(({ destination }) => destination === `/${name}`) ?? [];
      linuxOf(spec).maskedPaths = [];
      linuxOf(spec).readonlyPaths = [];
    });
    expect(link).toMatchObject({ status: 1, stdout: '' });
    expect(link.stderr).toContain('/mounts/0');
  }
});
