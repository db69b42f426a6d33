/** The Debian package: installed with apt, used from where it is then, and removed. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

import { useGuest } from './support/guest.js';

const guest = useGuest();

/** Many programs are started, one after the other. */
const TIMEOUT_MS = 400_000;

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');

function makePackage(): Buffer {
  const output = mkdtempSync(join(tmpdir(), 'tsrun-package-'));
  onTestFinished(() => {
    rmSync(output, { recursive: true });
  });
  execFileSync(process.execPath, [join(REPOSITORY, 'scripts/package.mjs'), output]);
  const name = readdirSync(output).find((file) => file.endsWith('.deb')) ?? '';
  return readFileSync(join(output, name));
}

test('apt installs it, /usr/bin/tsrun runs containers, and nothing stays after it', async () => {
  const file = guest.write('tsrun_test.deb', makePackage());
  const id = guest.newId();
  const bundle = guest.bundle('cat /proc/self/attr/current; exit 5', (spec) => {
    if (spec.process !== undefined) spec.process.apparmorProfile = 'tsrun-default';
  });
  const profiles = '/sys/kernel/security/apparmor/profiles';
  // The lists of packages are long, and not needed; the index of all manual pages is not ours.
  const offline = [
    ...['APT::Sandbox::User=root', 'Dir::State::lists=/run/apt-lists'],
    ...['Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache=', 'Dpkg::Options::=--force-unsafe-io'],
  ];
  const result = await guest.run(
    `export DEBIAN_FRONTEND=noninteractive
    rm -f /var/lib/man-db/auto-update
    mkdir -p /run/apt-lists/partial
    apparmor_parser -R ${REPOSITORY}/src/apparmor/tsrun-default 2>/dev/null
    grep -c tsrun-default ${profiles}
    apt-get install -y --no-install-recommends ${offline.map((option) => `-o ${option}`).join(' ')} \
      ${file} >/tmp/apt 2>&1 || cat /tmp/apt >&2
    dpkg-query -W -f '\${db:Status-Status}\n' tsrun
    /usr/bin/dpkg --verify tsrun
    grep -c tsrun-default ${profiles}
    /usr/bin/tsrun run --bundle ${bundle} ${id}; echo status $?
    /usr/bin/dpkg --force-unsafe-io --purge tsrun >/tmp/purge 2>&1 || cat /tmp/purge >&2
    ls -d /usr/bin/tsrun /etc/apparmor.d/tsrun-default /etc/containers/containers.conf.d/tsrun.conf \
      /usr/share/doc/tsrun /usr/share/man/man8/tsrun* 2>/dev/null | wc -l
    apparmor_parser -R ${REPOSITORY}/src/apparmor/tsrun-default`,
    TIMEOUT_MS,
  );
  expect(result).toEqual({
    status: 0,
    stderr: '',
    stdout: '0\ninstalled\n1\ntsrun-default (enforce)\nstatus 5\n0\n',
  });
});
