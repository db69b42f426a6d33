/** The Debian package in the guest: installed when somebody needs it, and once for all. */

import { SHARE } from './guest.js';
import { PACKAGE_FILE } from './package.js';

// The lists of packages are long, and not needed; the index of all manual pages is not ours.
const OFFLINE = [
  ...['APT::Sandbox::User=root', 'Dir::State::lists=/run/apt-lists'],
  ...['Dir::Cache::pkgcache=', 'Dir::Cache::srcpkgcache=', 'Dpkg::Options::=--force-unsafe-io'],
];

/**
 * Shell functions: install_package, where it is not installed by the tests, and
 * purge_package. It is installed with apt; again, when it has been purged, with
 * dpkg, since apt takes as long once more to find that nothing else is needed.
 */
export const INSTALL = `
installed=/run/tsrun-is-installed
install_package() {
  [ ! -e $installed ] || return 0
  export DEBIAN_FRONTEND=noninteractive
  rm -f /var/lib/man-db/auto-update
  mkdir -p /run/apt-lists/partial
  if [ -e /run/apt-has-installed ]; then
    /usr/bin/dpkg --force-unsafe-io --install ${SHARE}/${PACKAGE_FILE}
  else
    apt-get install -y --no-install-recommends --reinstall ${OFFLINE.map((option) => `-o ${option}`).join(' ')} \\
      ${SHARE}/${PACKAGE_FILE} && : >/run/apt-has-installed
  fi >/tmp/install 2>&1 && : >$installed || { cat /tmp/install >&2; false; }
}
purge_package() {
  rm -f $installed
  /usr/bin/dpkg --force-unsafe-io --purge tsrun >/tmp/purge 2>&1 || { cat /tmp/purge >&2; false; }
}`;
