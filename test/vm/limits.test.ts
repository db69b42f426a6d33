/** Limits by their effect, in a kernel that has every controller in v2. */

import { expect, test } from 'vitest';

import type { LinuxResources } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

/** A bundle with limits whose container sees its own cgroup. */
function limited(script: string, resources: LinuxResources): string {
  return guest.bundle(script, (spec) => {
    const linux = (spec.linux ??= {});
    linux.resources = { ...linux.resources, ...resources };
    linux.namespaces = [
      ...(linux.namespaces ?? []).filter(({ type }) => type !== 'cgroup'),
      { type: 'cgroup' },
    ];
  });
}

test('every file has what the configuration asks for', async () => {
  const files =
    'memory.max memory.low memory.swap.max memory.high cpu.weight cpu.max cpuset.cpus pids.max';
  const bundle = limited(`cd /sys/fs/cgroup; for f in ${files}; do cat $f; done`, {
    memory: { limit: 67108864, reservation: 33554432, swap: 100663296 },
    cpu: { shares: 2048, quota: 50000, period: 100000, cpus: '0' },
    pids: { limit: 50 },
    unified: { 'memory.high': '50331648' },
  });
  expect(await guest.output(`tsrun run --bundle ${bundle} ${guest.newId()}`)).toBe(
    '67108864\n33554432\n33554432\n50331648\n174\n50000 100000\n0\n50\n',
  );
});

test('memory.max kills, with status 137 and an event', async () => {
  // The copy in memory of what never ends.
  const bundle = limited('read go < /dev/null; tail /dev/zero', {
    memory: { limit: 16777216, swap: 16777216 },
  });
  const id = guest.newId();
  const result = await guest.run(
    `tsrun create --bundle ${bundle} ${id} </dev/null >/dev/null 2>&1
    tsrun events --interval 1h ${id} >/tmp/${id} & events=$!
    while ! grep -q memory.events /proc/$events/mountinfo 2>/dev/null &&
      ! ls -l /proc/$events/fd 2>/dev/null | grep -q memory.events; do :; done
    tsrun start ${id}; wait $events
    cat /tmp/${id}; rm /tmp/${id}; tsrun delete --force ${id}`,
  );
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(result.stdout)).toEqual({ type: 'oom', id });
  const other = guest.newId();
  const run = await guest.run(`tsrun run --bundle ${bundle} ${other}`);
  expect(run.status).toBe(137);
});

test('pids.max stops a fork, cpu.max throttles, and update changes both', async () => {
  const bundle = limited('while :; do :; done', {
    pids: { limit: 20 },
    cpu: { quota: 1000, period: 10000 },
  });
  const id = guest.newId();
  const { status, stdout } = await guest.run(
    `tsrun run --detach --bundle ${bundle} ${id} </dev/null >/dev/null 2>&1
    cd /sys/fs/cgroup$(sed -n s/^0:://p /proc/$(tsrun state ${id} | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')/cgroup)
    while grep -q '^nr_throttled 0$' cpu.stat; do :; done
    tsrun update --pids-limit 1 --cpu-quota -1 --memory 64m ${id}
    cat pids.max cpu.max memory.max
    tsrun exec ${id} true 2>/dev/null; echo exec $?
    tsrun pause ${id}; grep frozen cgroup.events; tsrun resume ${id}; grep frozen cgroup.events
    tsrun delete --force ${id}`,
  );
  expect(status).toBe(0);
  expect(stdout).toBe('1\nmax 10000\n67108864\nexec 255\nfrozen 1\nfrozen 0\n');
});

test('io.max is set for the disk', async () => {
  const device = (await guest.output("tr : ' ' </sys/block/nvme0n1/dev")).trim().split(' ');
  const [major = 0, minor = 0] = device.map(Number);
  const bundle = limited('cat /sys/fs/cgroup/io.max', {
    blockIO: { throttleWriteBpsDevice: [{ major, minor, rate: 1048576 }] },
  });
  expect(await guest.output(`tsrun run --bundle ${bundle} ${guest.newId()}`)).toBe(
    `${major}:${minor} rbps=max wbps=1048576 riops=max wiops=max\n`,
  );
});

test('50 containers at once leave nothing', async () => {
  const bundle = limited('true', { memory: { limit: 67108864 }, pids: { limit: 20 } });
  const ids = Array.from({ length: 50 }, () => guest.newId());
  const result = await guest.run(
    `for id in ${ids.join(' ')}; do tsrun run --bundle ${bundle} $id </dev/null & done; wait
    ls -d ${ids.map((id) => `/sys/fs/cgroup/${id} /sys/fs/cgroup/*/${id}`).join(' ')} 2>/dev/null | wc -l`,
  );
  expect(result).toEqual({ status: 0, stdout: '0\n', stderr: '' });
});
