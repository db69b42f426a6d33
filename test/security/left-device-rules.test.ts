/** Row AE: a cgroup that another runtime has left, with a device program of its own that allows everything. */

import { expect, test } from 'vitest';

import { usePlace } from '../native/managers/support/place.js';
import { make } from '../support/manager-configs.js';

const place = usePlace({ programs: ['/usr/bin/crun'] });

test('the device rules of a container hold in a cgroup with a program of another runtime', async () => {
  const spec = make('docker', ({ process, root, mounts }) => {
    process.args = ['sh', '-c', 'mknod /tmp/fuse c 10 229 && : </tmp/fuse && echo opened'];
    root.path = '/run/rootfs';
    mounts.splice(3);
  });
  // crun attaches its program, then fails for want of the controller, and leaves the cgroup.
  const failing = structuredClone(spec);
  failing.linux = {
    ...failing.linux,
    resources: { devices: [{ allow: true, access: 'rwm' }], cpu: { shares: 1024 } },
  };
  const { stdout, stderr } = await place.run(`
    mkdir /run/failing /run/new
    cp ${place.write('failing.json', JSON.stringify(failing))} /run/failing/config.json
    cp ${place.write('new.json', JSON.stringify(spec))} /run/new/config.json
    crun run --bundle /run/failing failing 2>/dev/null
    ls -d /sys/fs/cgroup/managed/c0ffee
    tsrun run --bundle /run/new new`);
  expect(stdout).toBe('/sys/fs/cgroup/managed/c0ffee\n');
  expect(stderr).toContain("can't open /tmp/fuse: Operation not permitted");
  expect(stderr).toContain('the device rules that another runtime left in the cgroup apply too');
});
