/** The scripts of examples/: each shows what it is for, and ends with 0 only if all of it was seen. */

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { useGuest } from './support/guest.js';
import { WITHOUT_NSDELEGATE, WITH_NSDELEGATE } from './support/nsdelegate.js';
import { makeSession } from './support/session.js';

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
  ls -d ${TMPDIR}/tsrun-example.* 2>/dev/null; find /sys/fs/cgroup -type d -name '*privileged*' -o -name '*rootless*'`;

function run(script: string, ...args: string[]): Promise<string> {
  return finished(
    `cd ${REPOSITORY} && TMPDIR=${TMPDIR} exec /bin/sh examples/${script} ${args.join(' ')}`,
  );
}

async function finished(command: string): Promise<string> {
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

/** A tsrun that cannot run the containers that these scripts come to last. */
const FAILING = `#!/bin/sh
case $* in *' run '*/alone' alone' | *' run '*/btrfs' btrfs') exit 1 ;; esac
exec tsrun "$@"`;

test.each(['networks.sh', 'root-file-systems.sh'])(
  '%s leaves nothing when it fails',
  async (script) => {
    const before = (await guest.run(WHAT_IS_THERE)).stdout;
    const { status, stdout, stderr } = await guest.run(`
      echo '${FAILING.replaceAll("'", String.raw`'\''`)}' >/run/failing && chmod 755 /run/failing
      cd ${REPOSITORY} && TSRUN=/run/failing TMPDIR=${TMPDIR} exec /bin/sh examples/${script}`);
    expect(status, stdout + stderr).toBe(1);
    expect(stderr).toContain(`examples/${script}: failed`);
    expect((await guest.run(`rm /run/failing; ${WHAT_IS_THERE}`)).stdout).toBe(before);
  },
);

test('system-container.sh, privileged and not, and of a user', async (context) => {
  if (!existsSync(DEBIAN)) context.skip(`needs ${DEBIAN} (scripts/setup.sh makes it)`);
  const session = await makeSession(guest, 'debian-owner', 34568);
  // The user may not get at the checkout.
  const own = '/run/of-debian-owner';
  await guest.output(
    `rm -rf ${own}; mkdir ${own} && cp -r ${REPOSITORY}/examples ${own} && chown 34568 ${own}`,
  );
  const before = (await guest.run(WHAT_IS_THERE)).stdout;
  const rootless = `exec ${session} -E TMPDIR=${own} /bin/sh ${own}/examples/system-container.sh`;
  await guest.output(WITH_NSDELEGATE);
  const shown = await Promise.all([
    ...['privileged', 'unprivileged'].map((kind) => run('system-container.sh', kind)),
    finished(rootless),
  ]);
  await guest.output(WITHOUT_NSDELEGATE);
  shown.push(await finished(rootless));
  await guest.output(WITH_NSDELEGATE);
  for (const text of shown) {
    expect(text.match(/^running$/gm)).toHaveLength(2);
    expect(text.match(/^hello, journal$/gm)).toHaveLength(2);
    expect(text.match(/^33554432 10$/gm)).toHaveLength(2);
    expect(text).toContain('examples/system-container.sh: done');
  }
  expect((await guest.run(WHAT_IS_THERE)).stdout).toBe(before);
  // Nothing of it is left: the directory could not be removed else.
  await guest.output(`rm -r ${own}/examples && rmdir ${own}`);
});
