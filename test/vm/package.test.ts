/** The Debian package: installed with apt, used from where it is then, removed, and installed again. */

import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';
import { INSTALL } from './support/install.js';

const guest = useGuest();

/** Many programs are started, one after the other. */
const TIMEOUT_MS = 400_000;

const confined = (spec: Spec): void => {
  if (spec.process !== undefined) spec.process.apparmorProfile = 'tsrun-default';
};
/** What the package has installed that is no directory, and what its installation has made of it. */
const FILES = '/tmp/package-files';
const CACHE = '/var/cache/apparmor/*/tsrun-default';
const LOADED = 'grep -c "^tsrun-default " /sys/kernel/security/apparmor/profiles';

test('apt installs it with its AppArmor profile, and a purge leaves nothing of either', async () => {
  const [first, second] = [guest.newId(), guest.newId()];
  const running = guest.bundle('exec sleep 1000', confined);
  const short = guest.bundle('cat /proc/self/attr/current; exit 5', confined);
  const result = await guest.run(
    `${INSTALL}
    left() {
      while read file; do [ -d $file ] || [ ! -e $file ] || echo left: $file; done <${FILES}
      ls -d /usr/share/doc/tsrun ${CACHE} 2>/dev/null
    }
    install_package
    dpkg-query -W -f '\${db:Status-Status}\n' tsrun
    /usr/bin/dpkg --verify tsrun
    /usr/bin/dpkg -L tsrun >${FILES}; grep -c -e /usr/bin/tsrun -e /etc/apparmor.d/tsrun-default ${FILES}
    ${LOADED}; ls ${CACHE} | wc -l

    /usr/bin/tsrun run --detach --bundle ${running} ${first} </dev/null >/dev/null
    purge_package; left
    grep -c 'stays loaded' /tmp/purge
    tsrun exec ${first} cat /proc/1/attr/current
    tsrun delete --force ${first}

    install_package && purge_package; left
    ${LOADED}; cat /tmp/purge | grep ^tsrun:
    install_package
    ${LOADED}
    /usr/bin/tsrun run --bundle ${short} ${second}; echo status $?; rm ${FILES}`,
    TIMEOUT_MS,
  );
  expect(result.stderr).toBe('');
  expect(result.stdout.trimEnd().split('\n')).toEqual([
    ...['installed', '2', '1', '1'],
    ...['1', 'tsrun-default (enforce)'],
    ...['0', '1', 'tsrun-default (enforce)', 'status 5'],
  ]);
});
