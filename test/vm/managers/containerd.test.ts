/** containerd, as it comes from Debian, by its own client. */

import { beforeAll } from 'vitest';

import { useGuest } from '../support/guest.js';
import { OWNER, ROOT_OF_CTR, startDaemons } from './support/daemons.js';
import { LEFT, TEN, WAIT_FOR, testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(() => startDaemons(guest));

/** Runs until it is told to end, and ends with a status of its own. */
const PROGRAM = 'trap "exit 5" TERM; echo started; sleep 100000 & wait';
const CTR = `${WAIT_FOR}
  ${OWNER}
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
      script: `ctr_run -d --memory-limit 67108864 $image $name sh -c '${PROGRAM}' >/dev/null
        status; owner ${ROOT_OF_CTR} $name`,
      prints: 'RUNNING',
    },
    {
      name: 'run -t',
      script: `/bin/script -qec "ctr run -t --rm --runc-binary $(command -v $runtime) $image $name-tty sh -c '
          tty; test -t 0 && test -t 1 && test -t 2 && exit 8'" /dev/null`,
      prints: /^\/dev\/pts\/0$/,
      status: 8,
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
      // Between two readings of the kernel's file the process does nothing: it waits.
      script: `cd /sys/fs/cgroup/default/$name; used() { sed -n 's/^usage_usec //p' cpu.stat; }
        before=$(used); ctr tasks metrics $name >/run/$name.metrics; after=$(used)
        metric() { awk -v name=$1 '$1 == name { print $2 }' /run/$name.metrics; }
        metric pids.current; metric memory.usage_limit
        [ $(metric cpu.usage_usec) -ge $before ] && [ $(metric cpu.usage_usec) -le $after ] && echo used
        [ $(metric memory.usage) -gt 0 ] && [ $(metric memory.usage) -le $(cat memory.peak) ] && echo memory
        rm /run/$name.metrics`,
      prints: '2\n67108864\nused\nmemory',
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

testOperations(guest, 'a task that cannot be', {
  manager: 'ctr',
  caller: 'root',
  cgroups: 'cgroupfs',
  prelude: `${CTR}
    ${LEFT}
    # refused TEXT OPTION...: the status; what our error has to have
    refused() {
      text=$1; shift
      ctr_run --rm "$@" >/run/$name.error 2>&1; echo $?
      [ $runtime = crun ] || grep -q "$text" /run/$name.error || cat /run/$name.error
      rm /run/$name.error
    }`,
  operations: [
    {
      name: 'run of a missing program',
      script: 'refused "executable file not found in .PATH" $image $name-a missing',
      prints: '1',
    },
    {
      name: 'run of what is no program',
      script: 'refused "permission denied" $image $name-b /etc/passwd',
      prints: '1',
    },
    {
      name: 'run --mount of a missing source',
      script: `refused '/missing.*no such file or directory' \\
          --mount type=bind,src=/missing,dst=/mnt,options=rbind $image $name-c true`,
      prints: '1',
    },
    {
      name: 'run --apparmor-profile of an unknown one',
      script: 'refused apparmor.*missing --apparmor-profile missing $image $name-d true',
      prints: '1',
    },
    {
      name: 'nothing is left of them',
      script: 'left $name; ctr containers ls -q | grep $name',
      prints: '',
      status: 1,
    },
  ],
  cleanUp: 'ctr containers ls -q | grep $name | xargs -r ctr containers rm',
});

testOperations(guest, 'ten tasks at once', {
  manager: 'ctr',
  caller: 'root',
  cgroups: 'cgroupfs',
  runtimes: ['tsrun'],
  prelude: `${CTR}
    ${LEFT}`,
  operations: [
    {
      name: 'ten times run at once',
      script: `for i in ${TEN.join(' ')}; do
          { ctr_run --rm $image $name-$i sh -c "echo out $i; exit $i"; echo status $?; } &
        done | sort | tr '\\n' ' '; wait
        wait_for '! grep -q "$name[-]" /proc/[0-9]*/cmdline 2>/dev/null'
        left $name; grep $name /proc/mounts; ctr containers ls -q | grep $name`,
      prints: [...TEN.map((i) => `out ${i}`), ...TEN.map((i) => `status ${i}`)].join(' '),
      status: 1,
    },
  ],
  cleanUp: 'ctr containers ls -q | grep $name | xargs -r ctr containers rm',
});

testOperations(guest, 'a task that outlives the daemon', {
  manager: 'ctr',
  caller: 'root',
  cgroups: 'cgroupfs',
  // The daemon is one for all: both runtimes have a task while it is restarted.
  runtimes: ['tsrun'],
  prelude: `${CTR}
    ${LEFT}`,
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
        runtime=crun name=$name-crun; ctr_run -d $image $name sh -c '${PROGRAM}' >/dev/null
        name=\${name%-crun}
        before=$(pid); systemctl restart containerd; [ "$(pid)" = $before ] && status
        for name in $name $name-crun; do
          ctr tasks exec --exec-id a $name sh -c 'echo out; exit 4'; echo $?
        done`,
      prints: 'RUNNING\nout\n4\nout\n4',
    },
    {
      name: 'tasks kill, tasks delete, after that',
      script: `for name in $name $name-crun; do
          ctr tasks kill -s TERM $name; wait_for '[ "$(status)" = STOPPED ]'
          ctr tasks delete $name 2>&1 | grep -o 'exit code .'; ctr containers rm $name
        done
        left $name`,
      prints: 'exit code 5\nexit code 5',
    },
  ],
  cleanUp: `${CLEAN_UP}
    name=$name-crun; ${CLEAN_UP}`,
});
