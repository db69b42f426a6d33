/** dockerd and its client, as they come from Debian, with Debian's containerd. */

import { beforeAll } from 'vitest';

import { useGuest } from '../support/guest.js';
import { BUILDKIT_CALLS, REMAPPED, REMAPPED_ID, startDaemons } from './support/daemons.js';
import { DOCKER, ROOT_OF_DOCKER, ending, joining } from './support/docker.js';
import { testOperations } from './support/operations.js';

const guest = useGuest();

beforeAll(() => startDaemons(guest));

const COMMON = {
  manager: 'docker',
  caller: 'root',
  cgroups: 'systemd',
  cleanUp: 'rm -f /run/$name.id; docker rm -f $name >/dev/null 2>&1',
  prelude: DOCKER,
};

/** The default runtime, what the `features` of another say, and the commit that `--version` has said. */
const INFO = `const { get } = require("http");
  get({ socketPath: "/run/docker.sock", path: "/info" }, async (reply) => {
    const info = JSON.parse(Buffer.concat(await reply.toArray()));
    const { status } = info.Runtimes[process.argv[1]];
    const features = JSON.parse(status["org.opencontainers.runtime-spec.features"]);
    console.log(info.DefaultRuntime, features.linux.mountExtensions.idmap.enabled, info.RuncCommit.ID);
  });`;

testOperations(guest, 'a container that runs', {
  ...COMMON,
  operations: [
    {
      name: 'run -d --memory --cpus --pids-limit',
      script: `docker_run -d --name $name --cidfile /run/$name.id --network none \\
          --memory 64m --cpus 0.5 --pids-limit 50 --health-cmd 'test -e /ok' \\
          --health-start-period 600s --health-start-interval 500ms --health-interval 600s \\
          $image sh -c 'trap "exit 5" TERM; echo started; >/ok; sleep 100000 & wait' >/dev/null
        group; cat memory.max cpu.max pids.max; owner ${ROOT_OF_DOCKER} $(cat /run/$name.id)`,
      prints: '67108864\n50000 100000\n50',
    },
    {
      name: 'info',
      // Not with the client, which starts all its plugins for that.
      script: `set -- $(node -e '${INFO}' $runtime); echo $1 $2
        [ $3 = "$(tsrun --version | sed -n 's/^commit: //p')" ] && echo commit`,
      prints: 'tsrun true\ncommit',
    },
    ...joining,
    {
      name: 'health check',
      script: `wait_for '[ "$(show .State.Health.Status)" != starting ]'; show .State.Health.Status`,
      prints: 'healthy',
    },
    {
      name: 'update',
      script: `docker update --memory 96m --memory-swap 96m --cpus 0.25 $name >/dev/null
        group; cat memory.max cpu.max`,
      prints: '100663296\n25000 100000',
    },
    {
      name: 'pause',
      script: 'docker pause $name >/dev/null; show .State.Status; group; frozen',
      prints: 'paused\n1',
    },
    {
      name: 'unpause',
      script: 'docker unpause $name >/dev/null; group; frozen',
      prints: '0',
      status: 1,
    },
    {
      name: 'stats',
      script: 'docker stats --no-stream --format "{{.MemUsage}} {{.PIDs}}" $name',
      prints: /^[1-9][0-9.]*[KM]iB \/ 96MiB 2$/,
    },
    ...ending,
    {
      name: 'rm -f',
      script: `docker rm -f $name >/dev/null
        left "$(cat /run/$name.id)"`,
      prints: '',
    },
  ],
});

testOperations(guest, 'what a container may be given', {
  ...COMMON,
  // tsrun too by its name, as dockerd has it in `runtimes` beside crun.
  prelude: `${DOCKER}
    by="--runtime $runtime"`,
  operations: [
    {
      name: 'run -it, on the bridge, with less',
      script: `/bin/script -qec "docker run $by -it --rm --name $name \\
          --read-only --tmpfs /mnt --cap-drop ALL --security-opt no-new-privileges --init \\
          --ulimit nofile=77 --sysctl net.ipv4.ip_unprivileged_port_start=80 $image sh -c '
            tty; ulimit -n; touch /x /mnt/x; cat /proc/1/comm /proc/self/attr/current
            cat /proc/sys/net/ipv4/ip_unprivileged_port_start
            grep -cE \\"^(CapBnd:.0*|NoNewPrivs:.1|Seccomp:.2)\\$\\" /proc/self/status
            ip -o address show eth0 | grep -c 172.17; exit 7'" /dev/null`,
      prints: [
        ...['/dev/pts/0', '77', 'touch: /x: Read-only file system', 'docker-init'],
        ...['docker-default (enforce)', '80', '3', '1'],
      ].join('\n'),
      status: 7,
    },
    {
      name: 'run --privileged, in namespaces of the host',
      script: `docker_run --rm --name $name --privileged --pid host --ipc host --cgroupns host \\
          --network host -v /run/rootfs:/mnt:ro -w /new -u 1000:2000 --group-add 3000 $image sh -c 'exec 2>&1
            cat /proc/1/comm; pwd; id -u; id -g; id -G; touch /mnt/x
            grep -c docker- /proc/self/cgroup; grep CapBnd /proc/self/status'`,
      prints:
        /^systemd\n\/new\n1000\n2000\n2000 3000\ntouch: \/mnt\/x: Read-only file system\n1\nCapBnd:\t000001ffffffffff$/,
    },
  ],
});

testOperations(guest, 'a program that cannot start', {
  ...COMMON,
  // What dockerd looks for in the errors is runc's; with crun's words all of these are 125.
  runtimes: ['tsrun', 'runc'],
  prelude: `${DOCKER}
    by="--runtime $runtime"
    # try_program PROGRAM TEXT: the status of docker run, and whether the text is in its error
    try_program() {
      docker_run --rm --network none $image $1 >/run/$name.error 2>&1; echo $?
      grep -cF "$2" /run/$name.error
    }`,
  operations: [
    {
      name: 'run of a missing program',
      script: `try_program missing 'exec: "missing": executable file not found in $PATH'`,
      prints: '127\n1',
    },
    {
      name: 'run of what is no program',
      script: `try_program /etc/passwd 'exec: "/etc/passwd": permission denied'`,
      prints: '126\n1',
    },
    {
      name: 'run with what cannot be set or mounted',
      // All at once, each with its number: runc takes its time.
      script: `echo '{"defaultAction": "SCMP_ACT_NOTHING"}' >/run/$name.seccomp
        # refused NUMBER TEXT OPTION...
        refused() {
          number=$1 text=$2; shift 2
          docker_run --rm --network none "$@" $image true >/run/$name.$number 2>&1
          echo $number $? $(grep -c "$text" /run/$name.$number)
        }
        { refused 1 'no such file or directory' --sysctl net.ipv4.nothing=1 &
          refused 2 SCMP_ACT --security-opt seccomp=/run/$name.seccomp &
          refused 3 'Are you trying to mount a directory onto a file' -v /etc/passwd:/tmp &
        } | sort`,
      prints: '1 127 1\n2 125 1\n3 125 1',
    },
    {
      name: 'exec of a missing program, and in a missing directory',
      script: `docker_run -d --name $name --cidfile /run/$name.id --network none $image sleep 100000 >/dev/null
        owner ${ROOT_OF_DOCKER} $(cat /run/$name.id)
        docker exec $name missing 2>&1 | grep -c 'exec: "missing": executable file not found in $PATH'
        docker exec $name missing >/dev/null 2>&1; echo $?
        docker exec -w /missing $name true >/dev/null 2>&1`,
      prints: '1\n126',
      status: 126,
    },
  ],
  cleanUp: 'rm -f /run/$name.*; docker rm -f $name >/dev/null 2>&1',
});

testOperations(guest, 'building, with tsrun as the default runtime', {
  ...COMMON,
  prelude: `export DOCKER_HOST=${REMAPPED} DOCKER_BUILDKIT=0`,
  runtimes: ['tsrun'],
  operations: [
    {
      name: 'build (classic), run',
      script: `docker build -q -t $name - >/dev/null 2>&1 <<'END'
FROM localhost/busybox
RUN echo built >/made
USER 1000
RUN [ $(id -u) = 1000 ]
CMD ["sh", "-c", "cat /made; id -u"]
END
        docker run --rm $name; docker image rm -f $name >/dev/null`,
      prints: 'built\n1000',
    },
    {
      // BuildKit takes the runc of dockerd's PATH, whatever runtimes are configured.
      name: 'build (BuildKit)',
      script: `: >${BUILDKIT_CALLS}
        DOCKER_BUILDKIT=1 docker build -q --network none -t $name - >/dev/null 2>&1 <<'END'
FROM localhost/busybox
RUN cat /proc/self/uid_map >/made
USER 1000
CMD ["sh", "-c", "cat /made; id -u"]
END
        docker run --rm $name | tr -s ' '; docker image rm -f $name >/dev/null
        grep -o ' run --bundle ' ${BUILDKIT_CALLS}`,
      prints: `0 ${REMAPPED_ID} 65536\n1000\n run --bundle`,
    },
  ],
});

testOperations(guest, 'services of a compose file', {
  ...COMMON,
  operations: [
    {
      name: 'compose up, that waits for health',
      script: `mkdir /run/$name; cd /run/$name; other= ; [ -z "$by" ] || other="runtime: $runtime"
        cat >compose.yaml <<END
services:
  server:
    image: localhost/busybox
    init: true
    $other
    command: sh -c '>/ready; exec sleep 100000'
    healthcheck: { test: test -e /ready, interval: 600s, start_period: 600s, start_interval: 1s }
  client:
    image: localhost/busybox
    $other
    command: sh -c 'busybox ping -c 1 server | grep -c " bytes from"; exit 3'
    depends_on: { server: { condition: service_healthy } }
END
        docker compose up --no-color --exit-code-from client 2>/dev/null | grep client`,
      prints: /client-1 +\| 1$/m,
    },
    {
      name: 'compose down',
      script:
        'cd /run/$name; docker compose down 2>/dev/null; docker ps -aq -f label=com.docker.compose.project=$name',
      prints: '',
    },
  ],
  cleanUp: 'rm -r /run/$name',
});
