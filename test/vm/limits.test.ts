/** Limits by their effect, in a kernel that has every controller in v2. */

import { expect, test } from 'vitest';

import type { LinuxResources, Spec } from '../../src/spec/types.js';
import { SHARE, useGuest } from './support/guest.js';

const guest = useGuest();

/** A bundle with limits whose container sees its own cgroup. */
function limited(
  script: string,
  resources: LinuxResources,
  change: (spec: Spec) => void = () => undefined,
): string {
  return guest.bundle(script, (spec) => {
    const linux = (spec.linux ??= {});
    linux.resources = { ...linux.resources, ...resources };
    linux.namespaces = [
      ...(linux.namespaces ?? []).filter(({ type }) => type !== 'cgroup'),
      { type: 'cgroup' },
    ];
    change(spec);
  });
}

/** Starts a container in the background; the shell is in its cgroup's directory then, and has its pid. */
function started(bundle: string, id: string): string {
  return `
    tsrun run --detach --bundle ${bundle} ${id} </dev/null >/dev/null || exit
    pid=$(tsrun state ${id} | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')
    cd /sys/fs/cgroup$(sed -n s/^0:://p /proc/$pid/cgroup)`;
}

/** Major and minor number of the disk. */
async function disk(): Promise<[number, number]> {
  const [major = 0, minor = 0] = (await guest.output('cat /sys/block/nvme0n1/dev'))
    .split(':')
    .map(Number);
  return [major, minor];
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

test('an exec into a cgroup without memory is an error, and the runtime outlives that', async () => {
  const id = guest.newId();
  const exec = `tsrun exec --detach --cgroup small ${id} true </dev/null`;
  const result = await guest.run(`${started(limited('sleep 1000', {}), id)}
    mkdir init small && echo $pid >init/cgroup.procs && echo +memory >cgroup.subtree_control || exit
    left() { cat small/cgroup.procs; ls -d */; ls /run/tsrun/${id}; }
    before=$(left)
    echo 0 >small/memory.swap.max; echo 65536 >small/memory.max
    ${exec}; echo "status $?"
    # As the container could, between any two calls of the runtime.
    while :; do echo max >small/memory.max; echo 65536 >small/memory.max; done 2>/dev/null &
    taker=$!
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      ${exec} 2>/dev/null; test $? != 137 || echo killed
    done
    kill $taker; wait $taker 2>/dev/null
    echo max >small/memory.max; ${exec}; echo "status $?"
    while grep -q 'populated 1' small/cgroup.events; do :; done
    test "$(left)" = "$before" || left
    tsrun delete --force ${id}; ls -d "$PWD" 2>/dev/null || echo gone`);
  expect(result).toEqual({
    status: 0,
    stdout: 'status 255\nstatus 0\ngone\n',
    stderr: expect.stringMatching(/^tsrun: [^\n]*\n$/) as string,
  });
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

test('a paused container stands still, and takes no exec unless it is told to wait', async () => {
  const id = guest.newId();
  const result = await guest.run(`${started(limited('while :; do :; done', {}), id)}
    used() { sed -n 's/^usage_usec //p' cpu.stat; }
    tsrun pause ${id}
    before=$(used)
    tsrun exec ${id} true 2>&1
    [ "$(used)" = "$before" ] && echo still
    tsrun exec --ignore-paused ${id} echo waited &
    while ! grep -q . /proc/$!/task/*/children; do :; done
    before=$(used)
    tsrun resume ${id}
    wait
    while [ "$(used)" = "$before" ]; do :; done
    tsrun delete --force ${id}`);
  expect(result).toEqual({
    status: 0,
    stdout: expect.stringMatching(
      /^tsrun: cannot exec in container "[^"]+": it is paused [^\n]*\nstill\nwaited\n$/,
    ) as string,
    stderr: '',
  });
});

test('cpuset is where its processes may run, and update moves them', async () => {
  const id = guest.newId();
  const bundle = limited('sleep 1000', { cpu: { cpus: '1', mems: '0' } });
  const look = `tsrun exec ${id} sh -c 'taskset -p 1; grep -h _allowed_list /proc/1/status'`;
  expect(
    await guest.output(`${started(bundle, id)}
      ${look}
      tsrun update --cpuset-cpus 0 ${id}
      ${look}
      tsrun delete --force ${id}`),
  ).toBe(
    [2, 1]
      .map(
        (mask, index) =>
          `pid 1's current affinity mask: ${mask}\nCpus_allowed_list:\t${1 - index}\nMems_allowed_list:\t0\n`,
      )
      .join(''),
  );
});

test('memory.high, which only unified has, holds a container back without killing it', async () => {
  const id = guest.newId();
  const bundle = limited('head -c 48m /dev/zero >/dev/shm/file; sleep 1000', {
    memory: { limit: 64 << 20 },
    unified: { 'memory.high': String(8 << 20) },
  });
  expect(
    await guest.output(`${started(bundle, id)}
      until grep -q '^high [1-9]' memory.events; do :; done
      grep -e ^oom -e ^max memory.events
      tsrun delete --force ${id}`),
  ).toBe('max 0\noom 0\noom_kill 0\noom_group_kill 0\n');
});

test('io.max slows a write to a disk that the device rules allow; both can be changed', async () => {
  const [major, minor] = await disk();
  const id = guest.newId();
  const rule = { allow: true, type: 'b', major, minor } as const;
  const bundle = limited(
    'sleep 1000',
    {
      devices: [
        { allow: false, access: 'rwm' },
        { ...rule, access: 'w' },
      ],
      blockIO: { throttleWriteBpsDevice: [{ major, minor, rate: 1 << 20 }] },
    },
    (spec) => {
      const disk = { type: 'b', major, minor } as const;
      const other = { path: '/dev/other', type: 'c', major: 1, minor: 11 } as const;
      spec.linux = { ...spec.linux, devices: [{ path: '/dev/disk', ...disk }, other] };
    },
  );
  const changed = JSON.stringify({
    devices: [
      { allow: false, access: 'rwm' },
      { ...rule, access: 'rw' },
    ],
    blockIO: { throttleWriteBpsDevice: [{ major, minor, rate: 0 }] },
  });
  const write = `tsrun exec ${id} sh -c 'cut -d" " -f1 /proc/uptime
    dd if=/dev/zero of=/dev/disk bs=256k count=8 oflag=direct 2>/dev/null || echo failed
    cut -d" " -f1 /proc/uptime'`;
  const read = `tsrun exec ${id} sh -c 'head -c 1 /dev/disk 2>&1 | wc -c; : 2>&1 </dev/other'`;
  const output = await guest.output(`${started(bundle, id)}
    cat io.max
    ${write}
    ${read}
    echo '${changed}' | tsrun update -r - ${id}
    cat io.max
    ${write}
    ${read}
    tsrun delete --force ${id}`);
  const lines = output.trimEnd().split('\n');
  const [limit, start, end, denied, other, freeStart, freeEnd, allowed, otherStill] = lines;
  expect(limit).toBe(`${major}:${minor} rbps=max wbps=1048576 riops=max wiops=max`);
  const slow = Number(end) - Number(start);
  // 2 MiB at 1 MiB a second, of which the kernel lets a part through at once.
  expect(slow).toBeGreaterThan(1);
  expect(Number(freeEnd) - Number(freeStart)).toBeLessThan(slow / 2);
  expect([denied, allowed]).toEqual([expect.not.stringMatching(/^1$/), '1']);
  for (const line of [other, otherStill]) expect(line).toMatch(/Operation not permitted/);
});

test('huge pages above the limit are a SIGBUS', async () => {
  guest.compile('huge-pages');
  const limit = 4 << 20;
  const bundle = limited(
    '',
    { hugepageLimits: [{ pageSize: '2MB', limit }] },
    ({ process, mounts }) => {
      if (process !== undefined) process.args = ['/mnt/huge-pages', '4'];
      mounts?.push({ destination: '/mnt', type: 'bind', source: SHARE, options: ['bind', 'ro'] });
    },
  );
  const id = guest.newId();
  const result = await guest.run(`
    before=$(cat /proc/sys/vm/nr_hugepages)
    echo 8 >/proc/sys/vm/nr_hugepages
    tsrun run --bundle ${bundle} ${id}; echo $?
    echo $before >/proc/sys/vm/nr_hugepages`);
  expect(result).toEqual({ status: 0, stdout: '1\n2\n135\n', stderr: '' });
});

test('update writes every field, and nothing when a part is wrong', async () => {
  const [major, minor] = await disk();
  const id = guest.newId();
  const device = (rate: number) => [{ major, minor, rate }];
  const resources: LinuxResources = {
    memory: { limit: 96 << 20, reservation: 32 << 20, swap: 128 << 20, checkBeforeUpdate: true },
    cpu: { shares: 512, quota: 20_000, period: 50_000, burst: 10_000, cpus: '0', mems: '0' },
    pids: { limit: 33 },
    blockIO: {
      throttleReadBpsDevice: device(1 << 20),
      throttleWriteBpsDevice: device(2 << 20),
      throttleReadIOPSDevice: device(100),
      throttleWriteIOPSDevice: device(200),
    },
    hugepageLimits: [{ pageSize: '2MB', limit: 2 << 20 }],
    unified: { 'memory.high': '67108864', 'memory.oom.group': '1' },
  };
  const wrong: readonly LinuxResources[] = [
    { pids: { limit: 5 }, unified: { 'memory.nonsense': '1' } },
    { pids: { limit: 5 }, cpu: { realtimeRuntime: 1000 } },
    { pids: { limit: 5 }, memory: { limit: 4096, checkBeforeUpdate: true } },
    { pids: { limit: 5 }, cpu: { cpus: '77' } },
  ];
  const look = `for file in memory.max memory.low memory.swap.max memory.high memory.oom.group \
    cpu.weight cpu.max cpu.max.burst cpuset.cpus cpuset.mems pids.max io.max \
    hugetlb.2MB.max hugetlb.2MB.rsvd.max; do cat $file; done`;
  const { status, stdout, stderr } = await guest.run(`${started(limited('sleep 1000', {}), id)}
    update() { tsrun update -r - ${id}; }
    echo '${JSON.stringify(resources)}' | update
    ${look}
    ${wrong.map((one) => `echo '${JSON.stringify(one)}' | update || echo refused`).join('\n')}
    ${look}
    tsrun delete --force ${id}`);
  const files = [
    ...[96 << 20, 32 << 20, 32 << 20, 67108864, 1, 59, '20000 50000', 10_000, 0, 0, 33],
    `${major}:${minor} rbps=1048576 wbps=2097152 riops=100 wiops=200`,
    ...[2 << 20, 2 << 20],
  ];
  const lines = [...files, 'refused', 'refused', 'refused', 'refused', ...files];
  expect({ status, stdout }).toEqual({ status: 0, stdout: `${lines.join('\n')}\n` });
  const said = stderr.trimEnd().split('\n');
  expect(said).toHaveLength(4);
  expect(said[0]).toMatch(/\/unified\/memory.nonsense: .*has no file of that name/);
  expect(said[1]).toMatch(/\/cpu\/realtimeRuntime: is not supported/);
  expect(said[2]).toMatch(/\/memory\/limit: refused, 4096 is not above .* in use/);
  expect(said[3]).toMatch(/\/cpu\/cpus: cannot write "77" to .*cpuset.cpus/);
});

test('containers that were killed from outside, two in one parent, leave nothing', async () => {
  const [first, second] = [guest.newId(), guest.newId()];
  const parent = `/sys/fs/cgroup/parent-${first}`;
  const inside = (id: string): string =>
    limited('sleep 1000', { pids: { limit: 9 } }, (spec) => {
      spec.linux = { ...spec.linux, cgroupsPath: `/parent-${first}/${id}` };
    });
  expect(
    await guest.output(`${started(inside(first), first)}
      ${started(inside(second), second)}
      ls -d ${parent}/*/ | wc -l
      kill -KILL $(cat ${parent}/${first}/cgroup.procs)
      echo 1 >${parent}/${second}/cgroup.kill
      tsrun delete --force ${first} && tsrun delete --force ${second}
      cd / && rmdir ${parent} && echo empty`),
  ).toBe('2\nempty\n');
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

test('a resource limit above the caller’s is set before the capability for that goes', async () => {
  const bundle = limited(
    'ulimit -Hn; grep CapEff /proc/self/status; ulimit -Hn 4096',
    {},
    (spec) => {
      spec.process = {
        ...spec.process,
        cwd: '/',
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 512, hard: 2048 }],
        capabilities: {},
      };
    },
  );
  const result = await guest.run(`ulimit -n 512; ulimit -Hn
    tsrun run --bundle ${bundle} ${guest.newId()}`);
  expect(result.stdout).toBe('512\n2048\nCapEff:\t0000000000000000\n');
  // Inside it can no longer be raised.
  expect(result.status).not.toBe(0);
  expect(result.stderr).toContain('Operation not permitted');
});
