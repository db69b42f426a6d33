/** What limits cost, beside crun and runc: memory of the container's own, and system calls. */

import { expect, test } from 'vitest';

import type { LinuxResources, Spec } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

const RUNTIMES = ['tsrun', 'crun', 'runc'] as const;
type Runtime = (typeof RUNTIMES)[number];

/** Lines of a runtime and a number. */
function numbers(output: string): Record<Runtime, number> {
  return Object.fromEntries(
    output
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name = '', number]) => [name, Number(number)]),
  ) as Record<Runtime, number>;
}

function inCgroupNamespace(resources: LinuxResources): (spec: Spec) => void {
  return (spec) => {
    const linux = (spec.linux ??= {});
    linux.resources = { ...linux.resources, ...resources };
    linux.namespaces = [
      ...(linux.namespaces ?? []).filter(({ type }) => type !== 'cgroup'),
      { type: 'cgroup' },
    ];
  };
}

/** Each runtime's own container of the test. */
function ids(): Record<Runtime, string> {
  return { tsrun: guest.newId(), crun: guest.newId(), runc: guest.newId() };
}

test('a container starts with no more memory than under crun', async () => {
  const PLACEHOLDER = 4_194_304_001;
  const bundle = guest.bundle('true', (spec) => {
    inCgroupNamespace({ memory: { limit: PLACEHOLDER, swap: PLACEHOLDER } })(spec);
    spec.linux = { ...spec.linux, cgroupsPath: '/least' };
  });
  const { tsrun, crun, runc } = ids();
  // The least memory.max in KiB with which a container runs, to 16 KiB; runc's to 2 MiB. With too
  // little runc may wait for ever for a process that has been killed.
  const output = await guest.output(`
    work=$(mktemp -d)
    # What another processor has set aside for the cgroup would come back at any time.
    other=/sys/devices/system/cpu/cpu1/online
    echo 0 >$other
    starts() {
      sed "s/${PLACEHOLDER}/$(($3 * 1024))/g" ${bundle}/config.json >$work/config.json
      timeout -s KILL 10 $1 run --bundle $work $2 </dev/null >/dev/null 2>&1
      status=$?
      [ $status = 0 ] || timeout -s KILL 10 $1 delete --force $2 >/dev/null 2>&1
      if [ -e /sys/fs/cgroup/least ]; then
        echo 1 >/sys/fs/cgroup/least/cgroup.kill
        until rmdir /sys/fs/cgroup/least; do :; done 2>/dev/null
        rm -rf /run/runc/$2
      fi
      return $status
    }
    least() {
      low=$3 high=$4
      starts $1 $2 $high || { echo $1 nothing; return; }
      while [ $((high - low)) -gt $5 ]; do
        middle=$(((low + high) / 2))
        if starts $1 $2 $middle; then high=$middle; else low=$middle; fi
      done
      echo $1 $high
    }
    least tsrun ${tsrun} 0 512 16
    least crun ${crun} 0 512 16
    least runc ${runc} 4096 20480 2048
    echo 1 >$other
    rm -r $work`);
  console.log(`least memory.max in KiB: ${output.trimEnd().replaceAll('\n', ', ')}`);
  const least = numbers(output);
  expect(least.tsrun).toBeGreaterThan(0);
  expect(least.tsrun).toBeLessThanOrEqual(least.crun);
  expect(least.tsrun).toBeLessThan(least.runc);
});

test('a full set of limits takes no more system calls than with crun', async () => {
  const numbersOfDisk = (await guest.output('cat /sys/block/nvme0n1/dev')).split(':').map(Number);
  const [major = 0, minor = 0] = numbersOfDisk;
  const resources: LinuxResources = {
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
    ],
    memory: { limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20 },
    cpu: { shares: 2048, quota: 50_000, period: 100_000, cpus: '0-1', mems: '0' },
    pids: { limit: 50 },
    blockIO: {
      throttleReadBpsDevice: [{ major, minor, rate: 1 << 20 }],
      throttleWriteBpsDevice: [{ major, minor, rate: 1 << 20 }],
    },
    hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }],
    unified: { 'memory.high': '50331648' },
  };
  const all = guest.bundle('true', inCgroupNamespace(resources));
  const none = guest.bundle('true', inCgroupNamespace({}));
  const names = ids();
  const runs = (bundle: string): string =>
    RUNTIMES.map((runtime) => `count ${runtime} ${bundle} ${names[runtime]}`).join('\n');
  // As strace -f -c counts them, without stopping at each. Nothing is traced while the trace is read,
  // or there would be no end of it.
  const output = await guest.output(`
    mount -t tracefs tracefs /mnt && cd /mnt || exit
    echo 0 >tracing_on
    echo 1 >options/event-fork
    echo 1 >events/raw_syscalls/sys_enter/enable
    count() {
      echo >trace
      before=$(cut -d' ' -f1 /proc/uptime)
      sh -c 'echo $$ >set_event_pid; echo 1 >tracing_on; exec "$@"' sh $1 run --bundle $2 $3 </dev/null
      echo 0 >tracing_on
      after=$(cut -d' ' -f1 /proc/uptime)
      echo $1 $(grep -c sys_enter: trace) $before $after
    }
    ${runs(none)}
    ${runs(all)}
    echo 0 >events/raw_syscalls/sys_enter/enable
    echo 0 >options/event-fork; echo >set_event_pid; echo 1 >tracing_on
    cd / && umount /mnt`);
  const lines = output.trimEnd().split('\n');
  const calls = lines.map((line) => Number(line.split(' ')[1]));
  console.log(
    RUNTIMES.map((runtime, index) => {
      const [, all = 0, before = 0, after = 0] = (lines[index + 3] ?? '').split(' ').map(Number);
      const seconds = (after - before).toFixed(2);
      return `${runtime}: ${all} calls with limits in ${seconds} s, ${calls[index] ?? 0} without`;
    }).join('\n'),
  );
  const [, , , tsrun = 0, crun = 0] = calls;
  expect(tsrun).toBeGreaterThan(100);
  expect(tsrun).toBeLessThanOrEqual(crun);
});
