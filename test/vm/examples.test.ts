/** The scripts of examples/: each shows what it is for, and ends with 0 only if all of it was seen. */

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { useGuest } from './support/guest.js';

const guest = useGuest();

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');
/** They start many programs. */
const TIMEOUT_MS = 400_000;
/** As scripts/setup.sh makes it. */
const DEBIAN = '/var/cache/tsrun/debian.tar';
/** Not an overlay, as /tmp is in the guest. */
const TMPDIR = '/run';

const SCRIPTS = readdirSync(join(REPOSITORY, 'examples')).filter(
  (name) => name.endsWith('.sh') && name !== 'common.sh',
);

/** What there is of mounts, networks, cgroups and work directories. */
const WHAT_IS_THERE = `
  cut -d' ' -f2 /proc/mounts | grep tsrun-example; ls /run/netns 2>/dev/null; ls /sys/class/net
  ls -d ${TMPDIR}/tsrun-example.* 2>/dev/null; find /sys/fs/cgroup -type d -name '*privileged*'`;

async function run(script: string, ...args: string[]): Promise<string> {
  const command = `cd ${REPOSITORY} && TMPDIR=${TMPDIR} exec /bin/sh examples/${script} ${args.join(' ')}`;
  const result = await guest.run(command, TIMEOUT_MS);
  expect(result, result.stdout + result.stderr).toMatchObject({ status: 0 });
  return result.stdout;
}

const quick = SCRIPTS.filter((name) => name !== 'system-container.sh');

test('there are these', () => {
  expect(quick).toEqual([
    'launch.sh',
    'networks.sh',
    'profiles.sh',
    'root-file-systems.sh',
    'shared-directory.sh',
  ]);
});

test.each(quick)('%s', async (script) => {
  const before = (await guest.run(WHAT_IS_THERE)).stdout;
  expect(await run(script)).toContain('examples/' + script + ': done');
  expect((await guest.run(WHAT_IS_THERE)).stdout).toBe(before);
});

test('system-container.sh, privileged and not', async (context) => {
  if (!existsSync(DEBIAN)) context.skip(`needs ${DEBIAN} (scripts/setup.sh makes it)`);
  const before = (await guest.run(WHAT_IS_THERE)).stdout;
  const kinds = ['privileged', 'unprivileged'];
  const shown = await Promise.all(kinds.map((kind) => run('system-container.sh', kind)));
  for (const text of shown) {
    expect(text).toMatch(/^running$/m);
    expect(text).toMatch(/^33554432 10$/m);
    expect(text).toContain('examples/system-container.sh: done');
  }
  expect((await guest.run(WHAT_IS_THERE)).stdout).toBe(before);
});
