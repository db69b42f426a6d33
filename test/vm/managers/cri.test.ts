/** A pod as the kubelet has containerd run it: on a network of pods, with streams, limits and a log. */

import { CRI, cleanUpPods, useCri } from './support/cri.js';
import { PLAIN, ROOT_OF_PODS } from './support/daemons.js';
import { testOperations } from './support/operations.js';

const guest = useCri();

/** Serves a file, says something when it is told to, and ends with a status of its own. */
const PROGRAM = `httpd -p 80 -h /mnt; trap 'exit 5' TERM; trap 'echo again' USR1
  echo started; sleep 100000 & while :; do wait; done`;

const POD = `${CRI}
  # As the kubelet names it.
  slice=/kubepods.slice/kubepods-pod$(echo $name | tr - _).slice
  sandbox() { cat <<END
    {$(metadata $1), "hostname": "of-the-pod", "log_directory": "/run/$name.logs",
     "dns_config": {"servers": ["10.77.0.53"], "searches": ["pods.example"]},
     "linux": {"cgroup_parent": "$slice",
       "sysctls": {"net.ipv4.ip_unprivileged_port_start": "80"},
       "security_context": {"namespace_options": {"pid": "CONTAINER"}}}}
END
  }
  main() { cat <<END
    {"metadata": {"name": "main"}, $image, "log_path": "log",
     "command": ["sh", "-c", "${PROGRAM.replaceAll('\n', ';')}"],
     "mounts": [{"container_path": "/mnt", "host_path": "/run/rootfs/etc", "readonly": true}],
     "linux": {
       "resources": {"memory_limit_in_bytes": "33554432", "cpu_quota": "50000", "cpu_period": "100000"},
       "security_context": {"run_as_user": {"value": "1000"}, "readonly_rootfs": true,
         "no_new_privs": true, "seccomp": {"profile_type": "RuntimeDefault"}, "apparmor": {"profile_type": "RuntimeDefault"},
         "capabilities": {"drop_capabilities": ["ALL"]},
         "namespace_options": {"pid": "CONTAINER"}}}}
END
  }
  # more KEY COMMAND [MORE]: the configuration of one more container
  more() { cat <<END
    {"metadata": {"name": "$1"}, $image, "log_path": "log.$1", "command": ["sh", "-c", "$2"]$3,
     "linux": {"security_context": {"namespace_options": {"pid": "CONTAINER"}}}}
END
  }
  said() { cut -d' ' -f2- /run/$name.logs/$1; }`;

testOperations(guest, 'a pod', {
  manager: 'CRI',
  caller: 'root',
  cgroups: 'systemd',
  prelude: POD,
  operations: [
    {
      name: 'RunPodSandbox',
      script: 'run_pod pod "$(sandbox a)"; address_of pod | cut -d. -f1-2',
      prints: /^[0-9a-f]{64}\n10\.77$/,
    },
    {
      name: 'CreateContainer',
      script: 'create container pod "$(sandbox a)" "$(main)"',
      prints: /^[0-9a-f]{64}$/,
    },
    {
      name: 'StartContainer',
      script: `on StartContainer container; on ContainerStatus container | field state
        for key in pod container; do owner ${ROOT_OF_PODS} $(id_of $key); done`,
      prints: '{}\nCONTAINER_RUNNING',
    },
    {
      name: 'ExecSync',
      script: `look='id -u; hostname; echo $(ls /sys/class/net) $(tail -n 1 /etc/resolv.conf); cat /proc/self/attr/current
          touch /x /mnt/x; grep -c -e ^Seccomp:.2 -e ^NoNewPrivs:.1 -e ^CapBnd:.0*$ /proc/self/status; exit 4'
        look=$(echo "$look" | tr '\\n' ';')
        on ExecSync container ',"timeout":"60","cmd":["sh","-c","'"$look"'"]'`,
      prints: JSON.stringify({
        stdout:
          '1000\nof-the-pod\neth0 lo nameserver 10.77.0.53\ncri-containerd.apparmor.d (enforce)\n3\n',
        stderr: ['/x', '/mnt/x'].map((path) => `touch: ${path}: Read-only file system\n`).join(''),
        exit_code: 4,
      }),
    },
    {
      name: 'ExecSync, with a time limit',
      script: `on ExecSync container ',"timeout":"1","cmd":["sleep","100"]' | grep -o 'timeout 1s exceeded'
        wait_for 'on ExecSync container ",\\"cmd\\":[\\"ps\\"]" | grep -vq "sleep 100$"'`,
      prints: 'timeout 1s exceeded',
    },
    {
      name: 'Exec (streams)',
      script: `stream Exec container ',"stdin":true,"stdout":true,"stderr":true,
          "cmd":["sh","-c","read line; echo got $line; echo err >&2; exit 7"]' ',"input":"some\\n"'`,
      prints: JSON.stringify({ stdout: 'got some\n', stderr: 'err\n', status: 7 }),
    },
    {
      name: 'Exec (terminal)',
      script: `sized='until [ \\"$(stty size 2>&1)\\" = \\"33 99\\" ]; do :; done; read line; tty; exit 6'
        stream Exec container ',"tty":true,"stdin":true,"stdout":true,"cmd":["sh","-c","'"$sized"'"]' \\
          ',"size":[99,33],"input":"typed\\n"'`,
      prints: JSON.stringify({ stdout: 'typed\r\n/dev/pts/0\r\n', stderr: '', status: 6 }),
    },
    {
      name: 'PortForward',
      script: `cri stream/PortForward '{"request":{"pod_sandbox_id":"'$(id_of pod)'","port":[80]},
          "port":80,"until":"root:x","input":"GET /passwd HTTP/1.0\\r\\n\\r\\n"}' | grep -o 'root:x:0:0'`,
      prints: 'root:x:0:0',
    },
    {
      name: 'a second pod, and the first on the bridge',
      script: `run_pod second "$(sandbox b)" >/dev/null
        create client second "$(sandbox b)" \\
          "$(more client "wget -qO- http://$(address_of pod)/passwd; exit 3")" >/dev/null
        on StartContainer client; exit_code client; said log.client`,
      prints: /^\{\}\n"exit_code":3\nstdout F root:x:0:0/,
    },
    {
      name: 'Attach (terminal)',
      script: `create shell pod "$(sandbox a)" "$(more shell 'exec sh' ',"stdin":true,"tty":true')" >/dev/null
        on StartContainer shell
        stream Attach shell ',"tty":true,"stdin":true,"stdout":true' \\
          ',"size":[99,33],"input":"until [ \\"$(stty size)\\" = \\"33 99\\" ]; do :; done; echo $((6 * 7)) $(tty)\\n","until":"42 /"' |
          grep -o '42 /dev/pts/0'
        stream Attach shell ',"tty":true,"stdin":true,"stdout":true' ',"input":"exit 9\\n"' | grep -o 'exit 9'
        exit_code shell`,
      prints: '{}\n42 /dev/pts/0\nexit 9\n"exit_code":9',
    },
    {
      name: 'ContainerStats, PodSandboxStats',
      script: `{ on ContainerStats container; pod PodSandboxStats; } |
          grep -oE '"(usage_core_nano_seconds|working_set_bytes|rx_bytes)":."value":"[1-9]' | cut -d'"' -f2`,
      prints: /^usage_core_nano_seconds\nworking_set_bytes\n(.*\n)*rx_bytes(\n|$)/,
    },
    {
      name: 'UpdateContainerResources',
      script: `on UpdateContainerResources container ',"linux":{"memory_limit_in_bytes":"67108864",
          "cpu_quota":"20000","cpu_period":"100000","cpu_shares":"512","cpuset_cpus":"1",
          "unified":{"memory.high":"50331648"}}'
        cd /sys/fs/cgroup$slice/cri-containerd-$(id_of container).scope
        cat memory.max memory.high cpu.max cpu.weight cpuset.cpus`,
      // Each makes a weight of shares in its own way.
      prints: /^\{\}\n67108864\n50331648\n20000 100000\n(59|20)\n1$/,
    },
    {
      name: 'the log, ReopenContainerLog',
      script: `said log; mv /run/$name.logs/log /run/$name.logs/old
        on ReopenContainerLog container
        on ExecSync container ',"cmd":["kill","-USR1","1"]' >/dev/null
        wait_for '[ -s /run/$name.logs/log ]'; said log; wc -l </run/$name.logs/old`,
      prints: 'stdout F started\n{}\nstdout F again\n1',
    },
    {
      name: 'Attach',
      script: `stream Attach container ',"stdout":true,"stderr":true' ',"until":"again"' & attached=$!
        # Nothing tells that it is attached: the program is made to speak until that is heard.
        wait_for 'on ExecSync container ",\\"cmd\\":[\\"kill\\",\\"-USR1\\",\\"1\\"]" >/dev/null; ! kill -0 '$attached' 2>/dev/null'`,
      prints: /^\{"stdout":"(again\\n)+","stderr":""\}$/,
    },
    {
      name: 'StopContainer',
      script: `on StopContainer container ',"timeout":"60"'; exit_code container`,
      prints: '{}\n"exit_code":5',
    },
    {
      name: 'RemoveContainer',
      script: 'on RemoveContainer container',
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
        left $(id_of pod); left $(id_of container); left $(id_of shell)`,
      prints: '{}',
    },
  ],
  cleanUp: cleanUpPods('pod', 'second'),
});

testOperations(guest, 'a pod whose cgroups systemd does not know', {
  manager: 'CRI',
  caller: 'root',
  cgroups: 'cgroupfs',
  prelude: `${POD}
    handler=$handler${PLAIN} slice=/kubepods/$name
    group() { cd /sys/fs/cgroup$slice/$(id_of container); }`,
  operations: [
    {
      name: 'RunPodSandbox, CreateContainer, StartContainer',
      script: `run_pod pod "$(sandbox a)" >/dev/null
        create container pod "$(sandbox a)" "$(main)" >/dev/null; on StartContainer container
        for key in pod container; do
          owner ${ROOT_OF_PODS} $(id_of $key)
          [ -d /sys/fs/cgroup$slice/$(id_of $key) ] || echo no cgroup
        done
        group; cat memory.max cpu.max; systemctl list-units --all -t scope | grep -c $(id_of container)`,
      prints: '{}\n33554432\n50000 100000\n0',
      status: 1,
    },
    {
      name: 'ExecSync',
      script: `on ExecSync container ',"timeout":"60","cmd":["sh","-c","id -u; cat /proc/self/cgroup; exit 4"]'`,
      // In a cgroup namespace of its own.
      prints: JSON.stringify({ stdout: '1000\n0::/\n', exit_code: 4 }),
    },
    {
      name: 'ContainerStats',
      script: `on ContainerStats container |
          grep -oE '"(usage_core_nano_seconds|working_set_bytes)":."value":"[1-9]' | cut -d'"' -f2`,
      prints: 'usage_core_nano_seconds\nworking_set_bytes',
    },
    {
      name: 'UpdateContainerResources',
      script: `on UpdateContainerResources container ',"linux":{"memory_limit_in_bytes":"67108864",
          "cpu_quota":"20000","cpu_period":"100000","cpuset_cpus":"1"}'
        group; cat memory.max cpu.max cpuset.cpus`,
      prints: '{}\n67108864\n20000 100000\n1',
    },
    {
      name: 'StartContainer of a missing program',
      script: `create missing pod "$(sandbox a)" "$(more missing true | sed 's/"sh"/"missing"/')" >/dev/null
        on StartContainer missing | grep -oE '^error 2 .*: executable file .*not found in .PATH' | sed 's/ .*: .*//'
        on ContainerStatus missing | grep -oE '"(state|exit_code|reason)":[^,]*'`,
      prints: 'error\n"state":"CONTAINER_EXITED"\n"exit_code":128\n"reason":"StartError"',
    },
    {
      name: 'StopContainer',
      script: `on StopContainer container ',"timeout":"60"'; exit_code container`,
      prints: '{}\n"exit_code":5',
    },
    {
      name: 'StopPodSandbox, RemovePodSandbox',
      script: `pod StopPodSandbox; pod RemovePodSandbox
        for key in pod container missing; do left $(id_of $key); done`,
      prints: '{}\n{}',
    },
  ],
  cleanUp: `${cleanUpPods('pod')}
    rmdir /sys/fs/cgroup/kubepods/$name /sys/fs/cgroup/kubepods 2>/dev/null || true`,
});
