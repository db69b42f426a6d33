/** What a pod's and a container's securityContext ask for, as the kubelet hands it on to containerd. */

import { CRI, cleanUpPods, useCri } from './support/cri.js';
import { testOperations } from './support/operations.js';

const guest = useCri();

const SECURITY = `${CRI}
  # sandbox SECURITY_CONTEXT [KEY]
  sandbox() { cat <<END
    {$(metadata \${2:-pod}), "log_directory": "/run/$name.logs",
     "linux": {"cgroup_parent": "kubepods.slice", "security_context": $1}}
END
  }
  # look POD SANDBOX SECURITY_CONTEXT SCRIPT [MORE]: what the script says in a container of its own
  look() {
    rm -f /run/$name.logs/look
    config() { cat <<END
      {"metadata": {"name": "look"}, $image, "log_path": "look", "command": ["sh", "-c", "$(echo "$4" | tr '\\n' ';')"]$5,
       "linux": {"security_context": $3}}
END
    }
    create look $1 "$2" "$(config "$@")" >/run/$name.created
    grep error /run/$name.created
    { on StartContainer look; exit_code look; on RemoveContainer look; } >/run/$name.look.log
    grep error /run/$name.look.log
    cut -d' ' -f4- /run/$name.logs/look
  }
  own='{"namespace_options":{"network":"NODE","pid":"CONTAINER"}}'
  node='{"namespace_options":{"network":"NODE","pid":"NODE","ipc":"NODE"},"privileged":true}'`;

testOperations(guest, 'a securityContext', {
  manager: 'CRI',
  caller: 'root',
  cgroups: 'systemd',
  prelude: SECURITY,
  operations: [
    {
      name: 'RunPodSandbox',
      script: `run_pod pod "$(sandbox "$own")"`,
      prints: /^[0-9a-f]{64}$/,
    },
    {
      name: 'runAsUser, runAsGroup, supplementalGroups, Unconfined',
      script: `look pod "$(sandbox "$own")" '{"run_as_user":{"value":"1000"},"run_as_group":{"value":"2000"},
          "supplemental_groups":["3000","4000"],"seccomp":{"profile_type":"Unconfined"},
          "apparmor":{"profile_type":"Unconfined"},"namespace_options":{"network":"NODE","pid":"CONTAINER"}}' \
          'id -u; id -G; grep ^Seccomp: /proc/self/status; cat /proc/self/attr/current'`,
      prints: '1000\n2000 3000 4000\nSeccomp:\t0\nunconfined',
    },
    {
      name: 'capabilities, maskedPaths, readonlyPaths',
      script: `mkdir /run/$name.hidden; >/run/$name.hidden/file
        look pod "$(sandbox "$own")" '{"capabilities":{"add_capabilities":["NET_ADMIN"],"drop_capabilities":["ALL"]},
          "masked_paths":["/hidden"],"readonly_paths":["/proc/sys"],
          "namespace_options":{"network":"NODE","pid":"CONTAINER"}}' \\
          'grep ^CapEff /proc/self/status; ls /hidden; (echo x >/proc/sys/kernel/hostname) 2>&1' \\
          ',"mounts":[{"container_path":"/hidden","host_path":"/run/'$name'.hidden"}]'`,
      prints:
        "CapEff:\t0000000000001000\nsh: can't create /proc/sys/kernel/hostname: Read-only file system",
    },
    {
      name: 'seccomp and AppArmor: Localhost',
      script: `cat >/run/$name.seccomp <<'END'
        {"defaultAction": "SCMP_ACT_ALLOW",
         "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
END
        echo "profile $name flags=(attach_disconnected) { file, deny /tmp/** w, }" |
          /sbin/apparmor_parser -r
        look pod "$(sandbox "$own")" '{"seccomp":{"profile_type":"Localhost","localhost_ref":"/run/'$name'.seccomp"},
          "apparmor":{"profile_type":"Localhost","localhost_ref":"'$name'"},
          "namespace_options":{"network":"NODE","pid":"CONTAINER"}}' \\
          'cat /proc/self/attr/current; mkdir /directory 2>&1; touch /tmp/file 2>&1' | sed s/$name/profile/
        echo "profile $name { }" | /sbin/apparmor_parser -R`,
      prints:
        "profile (enforce)\nmkdir: can't create directory '/directory': Operation not supported\ntouch: /tmp/file: Permission denied",
    },
    {
      name: 'privileged, hostNetwork, hostPID, hostIPC',
      script: `run_pod privileged "$(sandbox "$node" privileged)" >/dev/null
        look privileged "$(sandbox "$node" privileged)" '{"privileged":true,
            "namespace_options":{"network":"NODE","pid":"NODE","ipc":"NODE"}}' \
          'exec 2>&1; grep ^CapEff /proc/self/status; cat /proc/1/comm; ls -d /dev/nvme0n1
           for kind in net ipc; do [ $(readlink /proc/self/ns/$kind) = $(readlink /proc/1/ns/$kind) ] && echo $kind; done
           head -c 4 /proc/kcore | tail -c 3; echo; cd /sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup); mkdir mine; rmdir mine'`,
      prints: 'CapEff:\t000001ffffffffff\nsystemd\n/dev/nvme0n1\nnet\nipc\nELF',
    },
    {
      name: 'hostUsers: false',
      // Each its own ids: containerd makes a copy of the image for those, and not twice at once.
      script: `base=300000; [ $runtime = tsrun ] || base=400000
        ids='[{"host_id":'$base',"container_id":0,"length":65536}]'
        own='{"namespace_options":{"pid":"CONTAINER","userns_options":{"mode":"POD","uids":'$ids',"gids":'$ids'}}}'
        run_pod users "$(sandbox "$own" users)" | grep error
        look users "$(sandbox "$own" users)" "$own" \
          'cat /proc/self/uid_map; id -u; stat -c %u /bin; ls /sys/class/net' | tr -s ' ' | sed 's/^ //'`,
      prints: /^0 [34]00000 65536\n0\n0\neth0\nlo$/,
    },
  ],
  cleanUp: cleanUpPods('pod', 'privileged', 'users'),
});
