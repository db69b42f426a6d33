/** The Debian package: installed with apt, used from where it is then, removed, and installed again. */

import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useGuest } from './support/guest.js';
import { INSTALL } from './support/install.js';

const guest = useGuest();

/** Many programs are started, one after the other. */
const TIMEOUT_MS = 400_000;

const PROFILE = join(process.cwd(), 'src/apparmor/tsrun-default');

test('apt installs it, nothing stays after it, and /usr/bin/tsrun runs containers', async () => {
  const id = guest.newId();
  const bundle = guest.bundle('cat /proc/self/attr/current; exit 5', (spec) => {
    if (spec.process !== undefined) spec.process.apparmorProfile = 'tsrun-default';
  });
  const profiles = '/sys/kernel/security/apparmor/profiles';
  const result = await guest.run(
    `${INSTALL}
    install_package
    dpkg-query -W -f '\${db:Status-Status}\n' tsrun
    /usr/bin/dpkg --verify tsrun
    purge_package
    ls -d /usr/bin/tsrun /etc/apparmor.d/tsrun-default /etc/containers/containers.conf.d/tsrun.conf \
      /usr/share/doc/tsrun /usr/share/man/man[58]/tsrun* 2>/dev/null | wc -l
    apparmor_parser -R ${PROFILE} 2>/dev/null
    grep -c tsrun-default ${profiles}
    install_package
    grep -c tsrun-default ${profiles}
    /usr/bin/tsrun run --bundle ${bundle} ${id}; echo status $?`,
    TIMEOUT_MS,
  );
  expect(result).toEqual({
    status: 0,
    stderr: '',
    stdout: 'installed\n0\n0\n1\ntsrun-default (enforce)\nstatus 5\n',
  });
});
