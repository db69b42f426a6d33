/**
 * Row L: the mounts of the host forbid something (read-only, nosuid, nodev), or lie on something, and
 * the root of a container in a user namespace of its own, which may mount, undoes that on its copy.
 */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { grant, HOST_ID, inUserNamespace, program, useContainers } from '../support/inside.js';

const lab = useContainers();

/** A directory of the container's root, mounted so that it may only be read, with a mount on `below`. */
function source(): { path: string; shown: string } {
  const path = lab.directory();
  const shown = lab.directory();
  mkdirSync(join(path, 'below'));
  writeFileSync(join(path, 'below/covered'), '');
  program('chown', ['-R', String(HOST_ID), path]);
  program('chmod', ['755', path, shown]);
  lab.mount(shown, '--bind', path);
  program('mount', ['-o', 'remount,bind,ro,nosuid,nodev', shown]);
  lab.mount(join(shown, 'below'), '-t', 'tmpfs', 'below');
  return { path, shown };
}

const TRIES = {
  options: 'awk \'$5 == "/m" { print $6 }\' /proc/self/mountinfo',
  writable: 'mount -o remount,bind,rw /m 2>&1; touch /m/made 2>&1; true',
  devices: 'mount -o remount,bind,ro,suid,dev /m 2>&1; true',
  uncovered: 'umount /m/below 2>&1; ls /m/below',
};

async function attack(
  options: string[],
  more: (shown: string) => object[] = () => [],
): Promise<{ made: boolean; seen: Record<keyof typeof TRIES, string> }> {
  const { path, shown } = source();
  const seen = await lab.inspect(TRIES, (spec, bundle) => {
    inUserNamespace(spec, bundle);
    grant(spec, 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE');
    spec.mounts?.push({ destination: '/m', source: shown, options });
    for (const mount of more(shown)) spec.mounts?.push(mount as never);
  });
  return { made: existsSync(join(path, 'made')), seen };
}

describe('row L: what the mounts of the host forbid', () => {
  it.each([
    [['rbind']],
    [['rbind', 'ro']],
    // Asks for what is the case already.
    [['rbind', 'nosuid', 'exec']],
    [['rbind', 'rslave']],
    [['rbind', 'idmap']],
    [['rbind', 'ridmap']],
  ])('the root of a user namespace cannot undo it: %j', async (options) => {
    const { made, seen } = await attack(options);
    expect(made).toBe(false);
    expect(seen.options).toMatch(/^ro,nosuid,nodev/);
    expect(seen.writable).toMatch(/^mount: permission denied.*\n.*Read-only file system$/);
    expect(seen.devices).toMatch(/^mount: permission denied/);
    expect(seen.uncovered).toMatch(/^umount: can't unmount \/m\/below: Invalid argument$/);
  });

  it.each([
    ['writable', ['rbind', 'rw'], /^rw,nosuid,nodev/],
    ['with other access times', ['rbind', 'noatime'], /^ro,nosuid,nodev,noatime/],
    ['without the mounts below', ['bind'], /^ro,nosuid,nodev/],
  ])('a configuration gets what it asks for: %s', async (_, options, shown) => {
    const { seen } = await attack(options);
    expect(seen.options).toMatch(shown);
  });

  it('a configuration gets what it asks for: by a later entry', async () => {
    const { seen } = await attack(['rbind'], () => [
      { destination: '/m', type: 'none', source: 'none', options: ['remount', 'bind', 'rw'] },
    ]);
    expect(seen.options).toMatch(/^rw,nosuid,nodev/);
  });
});
