/** containerd, as it comes from Debian, by its own client. */

import { beforeAll } from 'vitest';

import { useGuest } from '../support/guest.js';
import { startDaemons } from './support/daemons.js';
import { WAIT_FOR, testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(() => startDaemons(guest));

/** Runs until it is told to end, and ends with a status of its own. */
const PROGRAM = 'trap "exit 5" TERM; echo started; sleep 100000 & wait';
const CTR = `${WAIT_FOR}
  image=localhost/busybox:latest
  ctr_run() { ctr run --runc-binary $(command -v $runtime) "$@"; }
  status() { ctr tasks ls | awk -v id=$name '$1 == id { print $3 }'; }
  frozen() { grep frozen /sys/fs/cgroup/default/$name/cgroup.events; }`;

const CLEAN_UP = `[ -z "$(status)" ] || { ctr tasks kill -s KILL -a $name; ctr tasks delete -f $name; }
  ctr containers ls -q | grep $name | xargs -r ctr containers rm`;

testOperations(guest, 'a task', {
  manager: 'ctr',
  caller: 'root',
  cgroups: 'cgroupfs',
  prelude: CTR,
  operations: [
    {
      name: 'run',
      script: 'ctr_run --rm $image $name-run sh -c "echo out; exit 3"',
      prints: 'out',
      status: 3,
    },
    {
      name: 'run -d',
      script: `ctr_run -d $image $name sh -c '${PROGRAM}' >/dev/null; status`,
      prints: 'RUNNING',
    },
    {
      name: 'tasks exec',
      script: 'ctr tasks exec --exec-id a $name sh -c "echo out; exit 4"',
      prints: 'out',
      status: 4,
    },
    {
      name: 'tasks exec -t',
      script: `/bin/script -qec "ctr tasks exec -t --exec-id b $name sh -c 'tty; exit 6'" /dev/null`,
      prints: /\/dev\/pts\/0/,
      status: 6,
    },
    {
      name: 'tasks exec -d, tasks kill --exec-id',
      script: `ctr tasks exec -d --exec-id c $name sleep 100000
        cd /sys/fs/cgroup/default/$name; wc -l <cgroup.procs
        ctr tasks kill -s KILL --exec-id c $name
        wait_for '[ $(wc -l <cgroup.procs) = 2 ]'`,
      prints: '3',
    },
    {
      name: 'tasks pause',
      script: 'ctr tasks pause $name; status; frozen',
      prints: 'PAUSED\nfrozen 1',
    },
    {
      name: 'tasks resume',
      script: 'ctr tasks resume $name; status; frozen',
      prints: 'RUNNING\nfrozen 0',
    },
    {
      name: 'tasks metrics',
      script: `ctr tasks metrics $name | awk '/^(pids.current|memory.usage|cpu.usage)/ && $2 > 0 { print $1 }'`,
      prints: 'pids.current\ncpu.usage_usec\nmemory.usage\nmemory.usage_limit',
    },
    {
      name: 'tasks ps',
      script: 'ctr tasks ps $name | grep -c "^[0-9]"',
      prints: '2',
    },
    {
      name: 'tasks kill, tasks delete',
      script: `ctr tasks kill -s TERM $name; wait_for '[ "$(status)" = STOPPED ]'
        ctr tasks delete $name 2>&1 | grep -o 'exit code .'`,
      prints: 'exit code 5',
    },
    {
      name: 'containers rm',
      script:
        'ctr containers rm $name; ls /run/containerd/runc/default | grep -v @ | grep -c $name',
      prints: '0',
      status: 1,
    },
  ],
  cleanUp: CLEAN_UP,
});

testOperations(guest, 'what a task may be given', {
  manager: 'ctr',
  caller: 'root',
  cgroups: 'systemd',
  prelude: CTR,
  operations: [
    {
      name: 'run --runc-systemd-cgroup --memory-limit',
      script: `ctr_run --rm --runc-systemd-cgroup --cgroup system.slice:ctr:$name \\
          --memory-limit 33554432 --net-host --env A=b --read-only --hostname inside \\
          --user 1000:1000 --cwd /tmp --mount type=bind,src=/sys/fs/cgroup,dst=/mnt,options=rbind:ro \\
          $image $name sh -c 'unit=system.slice/ctr-'$name'.scope
            grep -c "^0::/$unit" /proc/self/cgroup; cat /mnt/$unit/memory.max
            hostname; id -u; pwd; echo $A; touch /mnt/x /x 2>&1'`,
      prints: [
        ...['1', '33554432', 'inside', '1000', '/tmp', 'b'],
        ...['/mnt/x', '/x'].map((path) => `touch: ${path}: Read-only file system`),
      ].join('\n'),
      status: 1,
    },
    {
      name: 'run --seccomp --apparmor-default-profile',
      script: `ctr_run --rm --seccomp --apparmor-default-profile ctr-test $image $name sh -c '
          exec 2>&1; cat /proc/self/attr/current; grep ^Seccomp: /proc/self/status; unshare -m true'`,
      prints: /^ctr-test \(enforce\)\nSeccomp:\t2\nunshare: .*Operation not permitted$/,
      status: 1,
    },
    {
      name: 'run --cni',
      script: `ctr_run --rm --cni $image $name sh -c '
        echo $(ls /sys/class/net); ping -c 1 10.77.0.1 | grep -c "bytes from"'`,
      prints: 'eth0 lo\n1',
    },
    {
      name: 'run --uidmap',
      // Each its own ids: containerd makes a copy of the image for those, and not twice at once.
      script: `
        base=100000; [ $runtime = tsrun ] || base=200000
        ctr_run --rm --uidmap 0:$base:65536 --gidmap 0:$base:65536 --snapshotter native \\
          $image $name sh -c 'cat /proc/self/uid_map; stat -c %u /bin' | tr -s ' '`,
      prints: /^0 [12]00000 65536\n0$/,
    },
  ],
  cleanUp: 'ctr containers ls -q | grep $name | xargs -r ctr containers rm',
});

testOperations(guest, 'a task that outlives the daemon', {
  manager: 'ctr',
  caller: 'root',
  cgroups: 'cgroupfs',
  // The daemon is one for all.
  runtimes: ['tsrun'],
  prelude: CTR,
  operations: [
    {
      name: 'tasks checkpoint is refused',
      script: `ctr_run -d $image $name sh -c '${PROGRAM}' >/dev/null
        ctr tasks checkpoint $name 2>&1 | grep -o 'checkpoint is not supported yet'; status`,
      prints: 'checkpoint is not supported yet\nRUNNING',
    },
    {
      name: 'restart of containerd',
      script: `pid() { ctr tasks ls | awk -v id=$name '$1 == id { print $2 }'; }
        before=$(pid); systemctl restart containerd; [ "$(pid)" = $before ] && status
        ctr tasks exec --exec-id a $name sh -c 'echo out; exit 4'`,
      prints: 'RUNNING\nout',
      status: 4,
    },
    {
      name: 'tasks kill, tasks delete, after that',
      script: `ctr tasks kill -s TERM $name; wait_for '[ "$(status)" = STOPPED ]'
        ctr tasks delete $name 2>&1 | grep -o 'exit code .'; ctr containers rm $name
        ls /run/containerd/runc/default | grep -v @ | grep -c $name`,
      prints: 'exit code 5\n0',
      status: 1,
    },
  ],
  cleanUp: CLEAN_UP,
});
