/** Bundles as umoci, as it comes from Debian, unpacks them from an image. */

import { useGuest } from '../support/guest.js';
import { testOperations } from './support/operations.js';

testOperations(useGuest(), 'a bundle of umoci', {
  manager: 'umoci',
  caller: 'root',
  cgroups: 'cgroupfs',
  prelude: 'directory=/run/$name; image=$directory/layout:busybox',
  operations: [
    {
      name: 'unpack, run on a terminal',
      // The configuration that umoci writes wants a terminal.
      script: `mkdir $directory
        {
          umoci init --layout $directory/layout && umoci new --image $image &&
          umoci insert --image $image /run/rootfs / &&
          umoci config --image $image --config.env VALUE=image --config.cmd sh --config.cmd -c \\
            --config.cmd 'id -u; tty; echo $VALUE; cat /proc/1/comm; exit 3' &&
          umoci unpack --image $image $directory/bundle
        } >$directory/said 2>&1 || cat $directory/said
        /bin/script -qec "$runtime run --bundle $directory/bundle $name" /dev/null; status=$?
        $runtime state $name >/dev/null 2>&1 && echo left; find /sys/fs/cgroup -name $name
        exit $status`,
      prints: '0\n/dev/pts/0\nimage\nsh',
      status: 3,
    },
  ],
  cleanUp: 'rm -r $directory',
});
