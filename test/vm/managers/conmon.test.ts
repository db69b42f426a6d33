/**
 * What CRI-O has conmon do, and what it calls itself, as its sources have it:
 * Debian has no CRI-O, but its conmon.
 */

import { wordOf } from '../../support/page.js';
import { useGuest } from '../support/guest.js';
import { TSRUN } from './support/daemons.js';
import { LEFT, WAIT_FOR, testOperations } from './support/operations.js';

const guest = useGuest();

/** Says something when it is told to, and ends with a status of its own. */
const PROGRAM = `trap "exit 5" TERM; trap "echo again" USR1; echo started
  sleep 100000 & while :; do wait; done`;

/** What users are told to write for CRI-O. */
const PROGRAM_OF_PAGE = wordOf('docs/crio.md', /^runtime_path = "(.*)"$/);
const ROOT_OF_PAGE = wordOf('docs/crio.md', /^runtime_root = "(.*)"$/);

const CRIO = `${WAIT_FOR}
  ${LEFT}
  directory=/run/$name
  program=$(command -v $runtime) root=$directory/root
  [ $runtime != tsrun ] ||
    program=${PROGRAM_OF_PAGE.replace('/usr/bin/tsrun', TSRUN)} root=${ROOT_OF_PAGE}
  call() { $program --root $root --systemd-cgroup "$@"; }
  # The environment is CRI-O's too: next to nothing.
  run_conmon() {
    rm -f $directory/sync $directory/start; mkfifo $directory/sync $directory/start
    exec 8<>$directory/sync 9<>$directory/start
    printf 0 >&9
    env -i _OCI_SYNCPIPE=3 _OCI_STARTPIPE=4 /usr/bin/conmon "$@" 8>&- 9>&- 3>$directory/sync 4<$directory/start
    read -r answer <&8; echo "$answer"
  }
  # create KEY [OPTION OF conmon...]: the container of the bundle $directory/KEY
  create() {
    key=$1; shift
    run_conmon -b $directory/$key -c $name-$key --exit-dir $directory/exits -l $directory/$key/log \\
      --log-level info -n k8s_$key -P $directory/$key/conmon-pidfile -p $directory/$key/pidfile \\
      --persist-dir $directory/$key -r $program --runtime-arg --root=$root \\
      --socket-dir-path $directory/sockets --syslog -u $name-$key -s --log-size-max 16777216 "$@"
  }
  # exec_sync COMMAND [OPTION OF conmon...]: the answer, and what the log has
  exec_sync() {
    process_of "$1" >$directory/process.json; shift
    rm -f $directory/exec.log
    run_conmon -c $name-main -n k8s_main -r $program -p $directory/exec.pid -e -l $directory/exec.log \\
      --socket-dir-path $directory/sockets --log-level info --sync --log-global-size-max 16777216 "$@" \\
      -s --exec-process-spec $directory/process.json --runtime-arg --root=$root 2>&1
    cut -d' ' -f2- $directory/exec.log
  }
  # process_of SCRIPT [TERMINAL]
  process_of() {
    cat <<END
{"args": ["sh", "-c", "$1"], "cwd": "/", "env": ["PATH=/bin", "HOSTNAME=of-the-pod"], "terminal": \${2:-false},
 "user": {"uid": 1000, "gid": 1000, "additionalGids": [1000]}, "noNewPrivileges": true,
 "capabilities": {}, "oomScoreAdj": 0, "rlimits": []}
END
  }
  # bundle KEY SCRIPT [OPTION OF tsrun spec...]
  bundle() {
    mkdir -p $directory/$1 $directory/exits $directory/sockets
    cat >$directory/crio.json <<END
{"root": {"path": "/run/rootfs"}, "linux": {"cgroupsPath": "kubepods.slice:crio:$name-$1"},
 "annotations": {
   "io.container.manager": "cri-o", "io.kubernetes.cri-o.ContainerType": "container",
   "io.kubernetes.cri-o.ContainerID": "$name-$1", "io.kubernetes.cri-o.TTY": "false",
   "org.systemd.property.CollectMode": "'inactive-or-failed'",
   "org.systemd.property.DefaultDependencies": "true",
   "org.systemd.property.After": "['crio.service']",
   "org.systemd.property.TimeoutStopUSec": "uint64 30000000"}}
END
    key=$1 script=$2; shift 2
    tsrun spec --bundle $directory/$key --profile $directory/crio.json "$@" -- sh -c "$script"
  }
  status_of() { call state $name-$1 | tr -d ' ",' | sed -n s/^status://p; }`;

testOperations(guest, 'a container of CRI-O', {
  manager: 'conmon',
  caller: 'CRI-O',
  cgroups: 'systemd',
  prelude: CRIO,
  operations: [
    {
      name: 'create',
      script: `bundle main '${PROGRAM}' --tty=false
        create main; status_of main`,
      prints: /^\{"pid": ?[1-9]\d*\}\ncreated$/,
    },
    {
      name: 'start, state',
      script: `call start $name-main; status_of main; scope=crio-$name-main.scope
        [ $(call state $name-main | tr -d ' ,' | sed -n 's/"pid"://p') = $(cat $directory/main/pidfile) ]; echo $?
        grep -o "/kubepods.slice/$scope" /proc/$(cat $directory/main/pidfile)/cgroup | sed s/$name/NAME/
        systemctl show -p CollectMode,TimeoutStopUSec,After --value $scope | tr ' ' '\\n' |
          grep -Ex 'inactive-or-failed|30s|crio.service' | sort`,
      prints:
        'running\n0\n/kubepods.slice/crio-NAME-main.scope\n30s\ncrio.service\ninactive-or-failed',
    },
    {
      name: 'exec (synchronous)',
      script: `exec_sync 'id -u; echo $HOSTNAME; echo err >&2; exit 4' -T 60 | sort`,
      prints: 'stderr F err\nstdout F 1000\nstdout F of-the-pod\n{"exit_code": 4}',
    },
    {
      name: 'exec (synchronous), with a time limit',
      script: `exec_sync 'echo out; exec sleep 777' -T 1
        wait_for '! call exec $name-main ps | grep -q 777'`,
      prints: '{"exit_code": -1, "message": "command timed out"}\nstdout F out',
    },
    {
      name: 'exec (synchronous) of a missing program',
      script: `exec_sync 'exit 0' >/dev/null; sed -i 's/"sh"/"missing"/' $directory/process.json
        run_conmon -c $name-main -n k8s_main -r $program -p $directory/exec.pid -e -l $directory/exec.log \\
          --sync -s --exec-process-spec $directory/process.json --runtime-arg --root=$root 2>/dev/null`,
      prints: /^\{"exit_code": -1, "message": ".*executable file.* not found in \$PATH.*\\n"\}$/,
    },
    {
      name: 'exec (streams)',
      script: `process_of 'read line; echo got $line; exit 7' >$directory/process.json
        echo some | call exec --process $directory/process.json $name-main`,
      prints: 'got some',
      status: 7,
    },
    {
      name: 'exec (terminal)',
      script: `process_of 'tty; exit 6' true >$directory/process.json
        /bin/script -qec "$program --root $root --systemd-cgroup exec --process $directory/process.json $name-main" /dev/null`,
      prints: '/dev/pts/0',
      status: 6,
    },
    {
      name: 'update',
      script: `echo '{"cpu": {"quota": 20000, "period": 100000}, "memory": {"limit": 67108864}}' |
          $program --root $root update --resources - $name-main
        cd /sys/fs/cgroup/kubepods.slice/crio-$name-main.scope; cat cpu.max memory.max`,
      prints: '20000 100000\n67108864',
    },
    {
      name: 'pause, resume',
      script: 'call pause $name-main; status_of main; call resume $name-main; status_of main',
      prints: 'paused\nrunning',
    },
    {
      name: 'the log, reopened',
      script: `mv $directory/main/log $directory/main/old; echo '2 0 0' >$directory/main/ctl
        wait_for '[ -e $directory/main/log ]'; call kill $name-main 10
        wait_for '[ -s $directory/main/log ]'; cut -d' ' -f2- $directory/main/old $directory/main/log`,
      prints: 'stdout F started\nstdout F again',
    },
    {
      name: 'kill',
      script: `call kill $name-main TERM; wait_for '[ -e $directory/exits/$name-main ]'
        cat $directory/exits/$name-main; echo; status_of main
        call kill $name-main KILL 2>&1 | grep -ciE 'no such process|container not running'`,
      prints: '5\nstopped\n1',
    },
    {
      name: 'create and start, with a terminal',
      script: `bundle terminal 'tty; exit 3' --tty; create terminal -t; call start $name-terminal
        wait_for '[ -e $directory/exits/$name-terminal ]'; cat $directory/exits/$name-terminal; echo
        cut -d' ' -f2- $directory/terminal/log; call delete --force $name-terminal`,
      prints: /^\{"pid": ?[1-9]\d*\}\n3\nstdout [PF] \/dev\/pts\/0/,
    },
    {
      name: 'create of a missing program',
      script: `bundle missing x --tty=false; sed -i 's/"sh"/"missing"/' $directory/missing/config.json
        create missing 2>/dev/null; call delete --force $name-missing 2>/dev/null; call list -q | grep -c missing`,
      prints: /^\{"pid": -1, "message": ".*executable file .*not found in \$PATH.*\\n"\}\n0$/,
      status: 1,
    },
    {
      name: 'delete --force',
      script: 'call delete --force $name-main; left $name; ls $root | grep $name',
      prints: '',
      status: 1,
    },
  ],
  cleanUp:
    'for key in main terminal missing; do call delete --force $name-$key 2>/dev/null; done; rm -r $directory',
});
