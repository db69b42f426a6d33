/** containerd, as it comes from Debian: by its own client, and as the kubelet calls it. */

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';

import { SHARE, useGuest } from '../support/guest.js';
import { startDaemons } from './support/daemons.js';
import { LEFT, WAIT_FOR, testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(() => startDaemons(guest));

/** Runs until it is told to end, and ends with a status of its own. */
const PROGRAM = 'trap "exit 5" TERM; echo started; sleep 100000 & wait';
/** Where the client of the Container Runtime Interface listens, that scripts call with `cri`. */
const PORT = 8765;

const CRI = `${WAIT_FOR}
  ${LEFT}
  # cri METHOD REQUEST; its response
  cri() { wget -qO- --post-data "$2" http://127.0.0.1:${PORT}/$1 && echo; }
  field() { sed -n -e '/^error/p' -e 's/.*"'$1'":"\\([^"]*\\)".*/\\1/p'; }
  [ ! -e /run/$name.pod ] || pod=$(cat /run/$name.pod)
  [ ! -e /run/$name.container ] || container=$(cat /run/$name.container)
  # The same about the pod, and about the container.
  pod() { cri $1 '{"pod_sandbox_id":"'$pod'"}'; }
  on() { cri $1 '{"container_id":"'$container'"'"$2"'}'; }
  metadata='"metadata":{"name":"'$name'","uid":"'$name'","namespace":"default","attempt":0}'
  sandbox='{'$metadata',"log_directory":"/run/'$name'.logs","linux":{"cgroup_parent":"kubepods.slice",
    "security_context":{"namespace_options":{"network":"NODE","pid":"CONTAINER"}}}}'
  config='{"metadata":{"name":"main","attempt":0},"image":{"image":"localhost/busybox:latest"},
    "command":["sh","-c","${PROGRAM.replaceAll('"', '\\"')}"],"log_path":"log",
    "mounts":[{"container_path":"/mnt","host_path":"/run/rootfs","readonly":true}],
    "linux":{"resources":{"memory_limit_in_bytes":"33554432","cpu_quota":"50000","cpu_period":"100000"},
      "security_context":{"run_as_user":{"value":"1000"},"readonly_rootfs":true,"no_new_privs":true,
        "seccomp":{"profile_type":"RuntimeDefault"},"capabilities":{"drop_capabilities":["ALL"]},
        "namespace_options":{"network":"NODE","pid":"CONTAINER"}}}}'`;

const CTR = `${WAIT_FOR}
  image=localhost/busybox:latest
  ctr_run() { ctr run --runc-binary $(command -v $runtime) "$@"; }
  status() { ctr tasks ls | awk -v id=$name '$1 == id { print $3 }'; }
  frozen() { grep frozen /sys/fs/cgroup/default/$name/cgroup.events; }`;

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
  cleanUp: `[ -z "$(status)" ] || { ctr tasks kill -s KILL -a $name; ctr tasks delete -f $name; }
    ctr containers ls -q | grep $name | xargs -r ctr containers rm`,
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

describe('the Container Runtime Interface', () => {
  const proto = '/var/cache/tsrun/cri/api.proto';

  beforeEach((context) => {
    context.skip(!existsSync(proto), `needs ${proto} (scripts/setup.sh puts it there)`);
  });

  beforeAll(async () => {
    if (!existsSync(proto)) return;
    const prepared = await guest.run(`set -e
      mkdir -p /run/cri
      sed '/gogo.proto"/d' ${proto} >/run/cri/api.proto
      mkfifo /run/cri/ready
      node ${SHARE}/cri-server.cjs /run/cri/api.proto /run/containerd/containerd.sock ${PORT} \\
        >/run/cri/ready 2>/run/cri/log &
      echo $! >/run/cri/pid
      read -r line </run/cri/ready || cat /run/cri/log >&2
      ${CRI}
      wait_for 'cri ListImages "{}" | grep localhost/busybox | grep -q localhost/pause'`);
    expect(prepared, prepared.stderr).toMatchObject({ status: 0, stdout: '' });
  });

  afterAll(async () => {
    if (existsSync(proto)) await guest.output('kill $(cat /run/cri/pid); rm -r /run/cri');
  });

  testOperations(guest, 'a pod', {
    manager: 'CRI',
    caller: 'root',
    cgroups: 'systemd',
    prelude: CRI,
    operations: [
      {
        name: 'RunPodSandbox',
        script: `cri RunPodSandbox '{"config":'"$sandbox"',"runtime_handler":"'$runtime'"}' |
          field pod_sandbox_id | tee /run/$name.pod`,
        prints: /^[0-9a-f]{64}$/,
      },
      {
        name: 'CreateContainer',
        script: `cri CreateContainer '{"pod_sandbox_id":"'$pod'","config":'"$config"',"sandbox_config":'"$sandbox"'}' |
          field container_id | tee /run/$name.container`,
        prints: /^[0-9a-f]{64}$/,
      },
      {
        name: 'StartContainer',
        script: `on StartContainer; on ContainerStatus | field state`,
        prints: '{}\nCONTAINER_RUNNING',
      },
      {
        name: 'ExecSync',
        script: `look='id -u; touch /x /mnt/x; grep -c -e ^Seccomp:.2 -e ^NoNewPrivs:.1 -e ^CapBnd:.0*$ /proc/self/status; exit 4'
          on ExecSync ',"timeout":"60","cmd":["sh","-c","'"$look"'"]'`,
        prints: JSON.stringify({
          stdout: '1000\n3\n',
          stderr: ['/x', '/mnt/x']
            .map((path) => `touch: ${path}: Read-only file system\n`)
            .join(''),
          exit_code: 4,
        }),
      },
      {
        name: 'ContainerStats',
        script: `on ContainerStats | grep -oE '"(usage_core_nano_seconds|working_set_bytes)":."value":"[1-9]' | cut -d'"' -f2`,
        prints: 'usage_core_nano_seconds\nworking_set_bytes',
      },
      {
        name: 'UpdateContainerResources',
        script: `on UpdateContainerResources ',"linux":{"memory_limit_in_bytes":"67108864","cpu_quota":"20000","cpu_period":"100000"}'
          cd /sys/fs/cgroup/kubepods.slice/cri-containerd-$container.scope; cat memory.max cpu.max`,
        prints: '{}\n67108864\n20000 100000',
      },
      {
        name: 'the log',
        script: 'cut -d" " -f2- /run/$name.logs/log',
        prints: 'stdout F started',
      },
      {
        name: 'StopContainer',
        script: `on StopContainer ',"timeout":"60"'; on ContainerStatus | grep -o '"exit_code":[0-9]*'`,
        prints: '{}\n"exit_code":5',
      },
      {
        name: 'RemoveContainer',
        script: 'on RemoveContainer',
        prints: '{}',
      },
      {
        name: 'StopPodSandbox',
        script: 'pod StopPodSandbox; pod PodSandboxStatus | field state',
        prints: '{}\nSANDBOX_NOTREADY',
      },
      {
        name: 'RemovePodSandbox',
        script: `pod RemovePodSandbox
          left $pod; left $container`,
        prints: '{}',
      },
    ],
    cleanUp: 'pod StopPodSandbox; pod RemovePodSandbox; rm -r /run/$name.*',
  });
});
