/** The systemd manager: a container's scope, seen from systemd's side. */

import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

/** Containers that have a state; the cache of filters is beside them. */
const STATES = "ls /run/tsrun | sed '/^@/d'";

/** A container that waits to be killed. */
function sleeper(change: (spec: Spec) => void = () => undefined): string {
  return guest.bundle('', (spec) => {
    if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
    change(spec);
  });
}

function within(cgroupsPath: string): (spec: Spec) => void {
  return (spec) => {
    spec.linux = { ...spec.linux, cgroupsPath };
  };
}

/** Starts a container; its program is running then. */
function started(bundle: string, id: string): string {
  return `tsrun --systemd-cgroup create --bundle ${bundle} ${id} </dev/null >/dev/null && tsrun start ${id}`;
}

test('limits and annotations are properties of the unit, and files of its cgroup', async () => {
  const id = guest.newId();
  const bundle = sleeper((spec) => {
    spec.linux = {
      ...spec.linux,
      cgroupsPath: `pods-inner.slice:pod:${id}`,
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
        ],
        memory: { limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20 },
        // As few as there can be: nothing of tsrun's may be counted.
        pids: { limit: 1 },
        cpu: { shares: 2048, quota: 50_500, period: 100_000, cpus: '1', mems: '0' },
        hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }],
        unified: { 'memory.high': '50331648' },
      },
    };
    spec.annotations = {
      'org.systemd.property.TimeoutStopSec': 'uint64 7',
      'org.systemd.property.Before': "['guest.target']",
    };
  });
  const place = `/sys/fs/cgroup/pods.slice/pods-inner.slice/pod-${id}.scope`;
  const names = [
    'ControlGroup,Slice,Delegate,MemoryMax,MemoryLow,MemoryHigh,MemorySwapMax,TasksMax,CPUWeight',
    'CPUQuotaPerSecUSec,CPUQuotaPeriodUSec,AllowedCPUs,AllowedMemoryNodes,TimeoutStopUSec',
    'DevicePolicy,Before,Description',
  ].join(',');
  const output = await guest.output(`
    ${started(bundle, id)} || exit
    systemctl show pod-${id}.scope -p ${names}
    systemctl show pod-${id}.scope -p DeviceAllow | grep -F -e 10:200
    cd ${place} && grep . pids.max memory.max memory.high cpu.max cpuset.cpus hugetlb.2MB.max
    cmp cgroup.procs /dev/fd/3 3<<END
$(tsrun state ${id} | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')
END
    tsrun kill ${id} KILL && tsrun delete --force ${id}
    [ -e ${place} ] || echo gone
    systemctl stop pods.slice`);
  expect(output.split('\n').sort()).toEqual(
    [
      '',
      `ControlGroup=/pods.slice/pods-inner.slice/pod-${id}.scope`,
      'Slice=pods-inner.slice',
      'Delegate=yes',
      `MemoryMax=${64 << 20}`,
      `MemoryLow=${32 << 20}`,
      'MemoryHigh=50331648',
      `MemorySwapMax=${32 << 20}`,
      'TasksMax=1',
      'CPUWeight=174',
      'CPUQuotaPerSecUSec=510ms',
      'CPUQuotaPeriodUSec=100ms',
      'AllowedCPUs=1',
      'AllowedMemoryNodes=0',
      'TimeoutStopUSec=7s',
      'DevicePolicy=strict',
      'Before=guest.target',
      `Description=tsrun container ${id}`,
      'DeviceAllow=/dev/char/10:200 rw',
      'pids.max:1',
      `memory.max:${64 << 20}`,
      'memory.high:50331648',
      'cpu.max:50500 100000',
      'cpuset.cpus:1',
      `hugetlb.2MB.max:${4 << 20}`,
      'gone',
    ].sort(),
  );
});

test('update changes the unit with the files, and a daemon-reload takes nothing back', async () => {
  const id = guest.newId();
  const numbers = (await guest.output('cat /sys/block/nvme0n1/dev')).trim();
  const [major = 0, minor = 0] = numbers.split(':').map(Number);
  const resources = JSON.stringify({
    devices: [{ allow: true, type: 'b', major, minor, access: 'r' }],
    memory: { limit: 96 << 20 },
    pids: { limit: 9 },
    cpu: { quota: 50_500, period: 100_000 },
  });
  // Neither our program nor systemd's lets it be read before.
  const node = `tsrun exec --cap CAP_MKNOD ${id} mknod /dev/disk b ${major} ${minor}`;
  const read = `tsrun exec ${id} head -c 1 /dev/disk 2>/dev/null | wc -c`;
  const place = `/sys/fs/cgroup/system.slice/tsrun-${id}.scope`;
  expect(
    await guest.output(`
      ${started(sleeper(), id)} && ${node} || exit
      ${read}
      echo '${resources}' | tsrun update -r - ${id} || exit
      cat ${place}/cpu.max
      systemctl daemon-reload
      systemctl show tsrun-${id}.scope -p MemoryMax,TasksMax --value
      systemctl show tsrun-${id}.scope -p DeviceAllow | grep -c -F ${numbers}
      cat ${place}/memory.max ${place}/pids.max
      ${read}
      tsrun delete --force ${id}`),
  ).toBe(`0\n50500 100000\n${96 << 20}\n9\n1\n${96 << 20}\n9\n1\n`);
});

test('an idle group stays idle through a daemon-reload, and is so no longer after an update', async () => {
  const id = guest.newId();
  const bundle = sleeper((spec) => {
    spec.linux = { ...spec.linux, resources: { ...spec.linux?.resources, cpu: { idle: 1 } } };
  });
  const file = `/sys/fs/cgroup/system.slice/tsrun-${id}.scope/cpu.idle`;
  const look = `cat ${file}; systemctl show tsrun-${id}.scope -p CPUWeight`;
  expect(
    await guest.output(`
      ${started(bundle, id)} || exit
      systemctl daemon-reload
      systemctl set-property --runtime tsrun-${id}.scope MemoryHigh=1G
      ${look}
      echo '{"cpu": {"idle": 0}}' | tsrun update -r - ${id}
      systemctl daemon-reload
      ${look}
      tsrun delete --force ${id}`),
  ).toBe('1\nCPUWeight=idle\n0\nCPUWeight=100\n');
});

test('two containers share a slice, and each goes with its own unit', async () => {
  const [first, second] = [guest.newId(), guest.newId()];
  const inSlice = (id: string): string => sleeper(within(`pods-shared.slice::${id}`));
  expect(
    await guest.output(`
      ${started(inSlice(first), first)} && ${started(inSlice(second), second)} || exit
      ls -d /sys/fs/cgroup/pods.slice/pods-shared.slice/*.scope | sed 's|.*/||' | sort -V
      tsrun delete --force ${first}
      systemctl list-units --plain --no-legend --full '${first}*' '${second}*' | cut -d' ' -f1
      tsrun delete --force ${second}
      systemctl stop pods.slice`),
  ).toBe(`${first}.scope\n${second}.scope\n${second}.scope\n`);
});

test('run makes a scope, the program is inside, and both end together', async () => {
  const id = guest.newId();
  const bundle = guest.bundle('cat /proc/self/cgroup; exit 3', (spec) => {
    spec.linux = {
      ...spec.linux,
      namespaces: (spec.linux?.namespaces ?? []).filter(({ type }) => type !== 'cgroup'),
    };
  });
  expect(await guest.run(`tsrun --systemd-cgroup run --bundle ${bundle} ${id}`)).toEqual({
    status: 3,
    stdout: `0::/system.slice/tsrun-${id}.scope\n`,
    stderr: '',
  });
});

test('nothing is left of containers that were ended from outside', async () => {
  const ids = [guest.newId(), guest.newId(), guest.newId()];
  const [killed = '', stopped = '', crashed = ''] = ids;
  // SIGTERM does nothing to the first process of a pid namespace.
  const stoppable = sleeper((spec) => {
    spec.annotations = { 'org.systemd.property.KillSignal': '9' };
  });
  // Its hook ends the runtime in the middle of create.
  const crash = sleeper((spec) => {
    spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'kill -KILL $PPID'] }] };
  });
  const output = await guest.output(`
    ${started(sleeper(), killed)} && ${started(stoppable, stopped)} || exit
    tsrun --systemd-cgroup create --bundle ${crash} ${crashed} </dev/null >/dev/null 2>&1
    echo $?
    kill -KILL $(cat /sys/fs/cgroup/system.slice/tsrun-${killed}.scope/cgroup.procs)
    systemctl stop tsrun-${stopped}.scope
    tsrun delete ${stopped} && tsrun delete --force ${killed} && tsrun delete --force ${crashed}
    systemctl list-units --all --plain --no-legend --full '*${killed}*' '*${stopped}*' '*${crashed}*'
    ${STATES}`);
  expect(output).toBe('137\n');
});

test('a failed unit of the name gives way, an active one of somebody else does not', async () => {
  const [failed, taken] = [guest.newId(), guest.newId()];
  const result = await guest.run(`
    systemd-run --quiet --scope --unit=tsrun-${failed}.scope -p RuntimeMaxSec=1 sleep 1000 2>/dev/null
    systemctl is-failed tsrun-${failed}.scope
    systemd-run --quiet --scope --unit=tsrun-${taken}.scope sleep 1000 &
    until systemctl --quiet is-active tsrun-${taken}.scope; do sleep 0.1; done
    ${started(sleeper(), failed)} && echo started
    tsrun --systemd-cgroup create --bundle ${sleeper()} ${taken}
    ${STATES}
    systemctl is-active tsrun-${taken}.scope
    tsrun delete --force ${failed}
    systemctl stop tsrun-${taken}.scope`);
  expect(result).toEqual({
    status: 0,
    stdout: `failed\nstarted\n${failed}\nactive\n`,
    stderr: expect.stringMatching(
      /^[^\n]*cannot start tsrun-\S+\.scope: Unit \S+ was already loaded or has a fragment file\n$/,
    ) as string,
  });
});

test('what is wrong is said with its place, and leaves nothing', async () => {
  const annotated = (name: string, value: string): string =>
    sleeper((spec) => {
      spec.annotations = { [`org.systemd.property.${name}`]: value };
    });
  const attempts = [
    ['', annotated('Nonsense', "'x'")],
    ['', annotated('MemoryMax', "'x'")],
    ['', sleeper(within('/plain/path'))],
    // No bus there.
    ['unshare -m sh -c \'mount -t tmpfs none /run/dbus && exec "$@"\' sh', sleeper()],
  ] as const;
  const commands = attempts.map(
    ([prefix, bundle]) =>
      `${prefix} /usr/local/bin/tsrun --systemd-cgroup create --bundle ${bundle} ${guest.newId()} </dev/null`,
  );
  const result = await guest.run(`${commands.join('\n')}\n${STATES}`);
  const lines = result.stderr.trimEnd().split('\n');
  expect(result.stdout).toBe('');
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/\/annotations\/org\.systemd\.property\.Nonsense: cannot start/);
  expect(lines[1]).toMatch(/cannot start tsrun-\S+\.scope: /);
  expect(lines[2]).toMatch(/\/linux\/cgroupsPath: .*must have the form slice:prefix:name/);
  expect(lines[3]).toMatch(
    /cannot reach systemd over the bus \/run\/dbus\/system_bus_socket: no such file or directory/,
  );
});

test('daemon-reload leaves device rules and limits in force', async () => {
  const id = guest.newId();
  const bundle = sleeper((spec) => {
    spec.linux = {
      ...spec.linux,
      devices: [
        { path: '/dev/allowed', type: 'c', major: 4, minor: 10 },
        { path: '/dev/denied', type: 'c', major: 4, minor: 11 },
      ],
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 4, minor: 10, access: 'r' },
        ],
        pids: { limit: 77 },
        cpu: { quota: 50_000, period: 100_000 },
      },
    };
  });
  const look = `
    cat /sys/fs/cgroup/system.slice/tsrun-${id}.scope/pids.max
    cat /sys/fs/cgroup/system.slice/tsrun-${id}.scope/cpu.max
    tsrun exec ${id} sh -c 'for device in null allowed denied; do
      : </dev/$device && echo $device; done 2>/dev/null'`;
  const seen = '77\n50000 100000\nnull\nallowed\n';
  expect(
    await guest.output(`
      ${started(bundle, id)} || exit
      ${look}
      systemctl daemon-reload
      ${look}
      tsrun delete --force ${id}`),
  ).toBe(seen + seen);
});

test('fifty containers are made and deleted at once', async () => {
  const ids = Array.from({ length: 50 }, () => guest.newId());
  const bundle = sleeper();
  const result = await guest.run(`
    for id in ${ids.join(' ')}; do
      { tsrun --systemd-cgroup create --bundle ${bundle} $id </dev/null >/dev/null &&
        tsrun delete --force $id && echo done; } &
    done
    wait
    systemctl list-units --all --plain --no-legend --full 'tsrun-test-*'
    ${STATES}`);
  expect(result).toEqual({ status: 0, stdout: 'done\n'.repeat(50), stderr: '' });
});
