/** The virtual machine itself: what the tests beside this one take for granted. */

import { expect, test } from 'vitest';

import { useGuest } from './support/guest.js';

const guest = useGuest();

test('cgroup v2 has every controller, and systemd runs', async () => {
  expect(
    await guest.output(
      'cat /sys/fs/cgroup/cgroup.controllers; systemctl is-system-running || systemctl --failed',
    ),
  ).toBe('cpuset cpu io memory hugetlb pids rdma misc\nrunning\n');
});

test('a script has its output, its errors and its status apart', async () => {
  expect(await guest.run('echo out; echo err >&2; exit 7')).toEqual({
    status: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await guest.run('kill -KILL $$')).toMatchObject({ status: 137 });
});

test('scripts run beside each other', async () => {
  const [reader, writer] = await Promise.all([
    guest.run('mkfifo /tmp/pipe 2>/dev/null; cat /tmp/pipe'),
    guest.run('mkfifo /tmp/pipe 2>/dev/null; echo hello >/tmp/pipe'),
  ]);
  expect([reader.stdout, writer.status]).toEqual(['hello\n', 0]);
  await guest.output('rm /tmp/pipe');
});

test('a container runs with its exact status', async () => {
  const bundle = guest.bundle('echo $(cat /proc/self/cgroup); exit 42');
  const id = guest.newId();
  expect(await guest.run(`tsrun run --bundle ${bundle} ${id}`)).toEqual({
    status: 42,
    stdout: '0::/\n',
    stderr: '',
  });
});

test('/etc is a copy, which does not follow changes of the host', async () => {
  expect(
    await guest.output('stat -f -c %T /etc; cmp /etc/nsswitch.conf /run/etc/nsswitch.conf'),
  ).toBe('tmpfs\n');
});

// Where no file system of another test is (managers/support/daemons.ts).
test('the device nvme0n1 can be written to', async () => {
  expect(
    await guest.output(
      'dd if=/dev/zero of=/dev/nvme0n1 bs=64k count=4 seek=98304 conv=fsync 2>/dev/null && echo done',
    ),
  ).toBe('done\n');
});
