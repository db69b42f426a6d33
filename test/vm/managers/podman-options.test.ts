/** podman, as it comes from Debian: what options of `podman run` do inside of the container. */

import { beforeAll } from 'vitest';

import type { Operation } from './support/operations.js';
import { exceeded } from './support/podman-life.js';
import { noOptions, options, readOnly, run, unconfined } from './support/podman-options.js';
import { testOperations } from './support/operations.js';
import { addFilter, rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

/** Keeps a container from one file. */
const PROFILE = `
profile podman-test flags=(attach_disconnected,mediate_deleted) {
  file,
  signal,
  deny /etc/group r,
}
`;

beforeAll(async () => {
  const profile = guest.write('podman-test', PROFILE);
  await guest.output(`/sbin/apparmor_parser -r ${profile}`);
  await addFilter(guest);
});

/** Of the profile above. */
const named: Operation = {
  name: '--cap-drop --cap-add --security-opt no-new-privileges,seccomp,apparmor',
  script: run(
    `--cap-drop all --cap-add net_admin,chown --security-opt no-new-privileges \\
    --security-opt seccomp=/run/no-directories.json --security-opt apparmor=podman-test`,
    `cat /proc/self/attr/current; grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status
    mkdir /tmp/a; cat /etc/group; head -n 1 /etc/passwd`,
  ),
  prints:
    /^podman-test \(enforce\)\nCapEff:\t0000000000001001\nCapBnd:\t0000000000001001\nNoNewPrivs:\t1\nSeccomp:\t2\nmkdir: .*(not supported|Unsupported).*\ncat: .*denied\nroot/i,
};

const ofMachine: readonly Operation[] = [
  noOptions(true),
  named,
  unconfined(true),
  {
    name: '--privileged: capabilities, devices',
    script: run(
      '--privileged',
      'grep CapEff /proc/self/status; test -b /dev/nvme0n1 && mount -t tmpfs none /mnt && echo mounted',
    ),
    prints: /^CapEff:\t000001ffffffffff\nmounted$/,
  },
  readOnly(
    '--device /dev/nvme0n1:/dev/disk:r',
    'head -c 512 /dev/disk | wc -c; dd if=/dev/zero of=/dev/disk count=1; true',
    String.raw`\n512\ndd: .*not permitted`,
  ),
  // conmon has it from the container's scope, which is sometimes gone by then, with crun too.
  exceeded(/^137\n137 (true|false)$/),
  {
    name: 'runtime = "tsrun" in containers.conf',
    script: `
      CONTAINERS_CONF_OVERRIDE=/run/example-containers.conf /usr/bin/podman create --name $name-default busybox >/dev/null
      podman inspect -f '{{.OCIRuntime}}' $name-default; podman rm $name-default >/dev/null`,
    prints: 'tsrun',
  },
];

testOperations(guest, 'options of podman run', {
  ...rootfulPodman('systemd'),
  operations: [...options, ...ofMachine],
  cleanUp: 'podman rm -f -t 0 --ignore $name >/dev/null; rm -r $directory',
});

testOperations(guest, 'an option of podman run, with cgroupfs', {
  ...rootfulPodman('cgroupfs'),
  // The rest test/native/managers/ has, without AppArmor.
  operations: [named],
  cleanUp: 'rm -r $directory',
});
