/** Operations of podman on one container, in the order of its life. */

import type { Operation } from './operations.js';

/** It says when it has started and got SIGUSR1, and ends with 7 at SIGTERM. */
const PROGRAM = `
  trap "echo ended; exit 7" TERM
  trap "echo signalled; touch /tmp/signalled" USR1
  echo started
  while :; do sleep 1000 & wait \$!; done`;

/** Of control groups: `cpuset` may not be the caller's, and on this machine none of them has one. */
export type Limits = 'all' | 'without cpuset' | 'none';

/** What happens to one container. */
export function life(allowed: Limits): Operation[] {
  const cpuset = allowed === 'all';
  const cpus = (list: number): string => (cpuset ? ` --cpuset-cpus ${list}` : '');
  const limited = allowed !== 'none';
  const options = !limited
    ? '--pids-limit 0'
    : `--memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 20${cpus(1)}`;
  const limits = `memory.max memory.swap.max cpu.max pids.max${cpuset ? ' cpuset.cpus' : ''}`;
  const values = (...list: string[]): string => list.slice(0, cpuset ? 5 : 4).join('\n');
  const operations: Operation[] = [
    {
      name: 'run -d',
      script: `
      podman run -d --name $name --pidfile $directory/pid --network none --log-driver k8s-file \\
        ${options} \\
        --health-cmd 'test -e /tmp/healthy' --health-interval disable --health-retries 1 \\
        busybox sh -c '${PROGRAM}' >$directory/id
      # It is this runtime that has it.
      $runtime list -q | grep -cxf $directory/id`,
      prints: '1',
    },
    {
      name: `--memory --cpus --pids-limit${cpuset ? ' --cpuset-cpus' : ''}`,
      script: `cd $(place) && cat ${limits}`,
      prints: values('67108864', '0', '50000 100000', '20', '1'),
    },
    {
      name: 'exec',
      script: `
      echo input | podman exec -i -u 1000:2000 -w /tmp -e A=b $name sh -c \\
        'cat; id -u; id -g; pwd; echo $A; echo error >&2; grep ^0:: /proc/self/cgroup; exit 4'`,
      prints: /^input\n1000\n2000\n\/tmp\nb\n(error\n0::\/|0::\/\nerror)$/,
      status: 4,
    },
    {
      name: 'exec -it',
      script: `
      script -qec "$podman exec -it $name \\
        sh -c 'tty; echo \\$TERM; test -t 0 -a -t 1 -a -t 2 && exit 5'" /dev/null </dev/null`,
      prints: /\/dev\/pts\/0\nxterm$/,
      status: 5,
    },
    {
      name: 'exec of nothing',
      script: 'podman exec $name nothing; echo $?; podman exec $name /etc/passwd; echo $?',
      prints:
        /^Error:.*nothing.*not found.*attempted to invoke a command that was not found\n127\nError:.*\/etc\/passwd.*OCI permission denied\n126$/s,
    },
    {
      name: 'healthcheck',
      script: `
      podman healthcheck run $name
      podman exec $name touch /tmp/healthy
      podman healthcheck run $name
      podman inspect -f '{{.State.Health.Status}}' $name`,
      prints: 'unhealthy\nhealthy',
    },
    {
      name: 'top',
      script: 'podman top $name pid comm seccomp user',
      prints: /^PID +COMMAND +SECCOMP +USER\n1 +sh +filter +root\n\d+ +sleep +filter +root$/,
    },
    {
      name: 'stats',
      script: `podman stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' $name`,
      prints: /^m\S+ [\d.]+[kM]B \/ 67\.11MB [123]$/,
    },
    {
      name: 'pause',
      script: `
      # crun does not wait until it is.
      podman pause $name >/dev/null && until_true grep -q 'frozen 1' $(place)/cgroup.events
      podman exec $name true`,
      prints: /^Error: can only create exec sessions on running containers/,
      status: 255,
    },
    {
      name: 'unpause',
      script: `podman unpause $name >/dev/null && grep frozen $(place)/cgroup.events`,
      prints: 'frozen 0',
    },
    {
      name: 'update',
      script: `
      podman update --memory 96m --memory-swap 128m --cpus 1.5 --pids-limit 30${cpus(0)} $name >/dev/null
      cd $(place) && cat ${limits}`,
      prints: values('100663296', '33554432', '150000 100000', '30', '0'),
    },
    {
      name: 'kill, logs',
      script: `
      podman kill -s USR1 $name >/dev/null
      until_true test -e /proc/$(cat $directory/pid)/root/tmp/signalled
      podman logs $name`,
      prints: 'started\nsignalled',
    },
    {
      name: 'stop',
      script: `
      podman stop $name >/dev/null
      podman inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}' $name
      podman logs --tail 1 $name`,
      prints: 'exited 7 false\nended',
    },
    {
      name: 'start, restart',
      script: `
      podman start $name >/dev/null && before=$(cat $directory/pid)
      podman restart -t 20 $name >/dev/null && after=$(cat $directory/pid)
      [ -n "$before" -a "$before" != "$after" ] && [ ! -e /proc/$before ] &&
        cat $(place)/${limited ? 'memory.max' : 'cgroup.freeze'}`,
      // What update has set is kept.
      prints: limited ? '100663296' : '0',
    },
    {
      name: 'kill -9, wait',
      script: 'podman kill $name >/dev/null; podman wait $name',
      prints: '137',
    },
    {
      name: 'rm -f',
      script: `
      podman start $name >/dev/null && place=$(place) && podman rm -f -t 0 $name >/dev/null
      podman container exists $name; echo $?; ls -d $place 2>/dev/null`,
      prints: '1',
      status: 1,
    },
  ];
  if (limited) operations.push(IN_NAMESPACE);
  return limited ? operations : operations.filter(({ name }) => !OF_LIMITS.test(name));
}

const IN_NAMESPACE: Operation = {
  name: '--userns=auto, --memory',
  script: `
      podman run --rm --network none --userns auto:size=3000 --memory 64m busybox sh -c \\
        'cat /sys/fs/cgroup/memory.max; awk "{ ids += \\$3 } END { print ids }" /proc/self/uid_map'`,
  prints: '67108864\n3000',
};

/** They show limits, or set them. */
const OF_LIMITS = /^(--memory.*|stats|update)$/;

/** The names of those that the manager of the control group has to do with. */
export const IN_GROUP =
  /^(run -d|--.*|exec|exec -it|stats|pause|unpause|update|kill.*|stop|start.*|rm -f)$/;

/** @param prints the status, and after it what podman says: status again, and whether it was the kernel */
export const exceeded = (prints: string | RegExp): Operation => ({
  name: '--memory, exceeded',
  script: `
      podman run --name $name --network none --memory 16m --memory-swap 16m busybox \\
        dd if=/dev/zero of=/dev/null bs=64M count=1
      echo $?
      podman inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' $name`,
  prints,
});
