/** The Node host where limits are real: the rest of the suite runs the executable. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

const DIST = join(dirname(fileURLToPath(import.meta.url)), '../../dist');

/** A container that sees its own cgroup. */
function limited(bytes: number): (spec: Spec) => void {
  return (spec) => {
    const linux = (spec.linux ??= {});
    linux.resources = {
      ...linux.resources,
      memory: { limit: bytes, swap: bytes },
      pids: { limit: 20 },
    };
    linux.namespaces = [
      ...(linux.namespaces ?? []).filter(({ type }) => type !== 'cgroup'),
      { type: 'cgroup' },
    ];
  };
}

test.each([
  ['cgroupfs', ''],
  ['systemd', '--systemd-cgroup'],
])('a container with limits lives under Node, with %s', async (_manager, option) => {
  const id = guest.newId();
  const bundle = guest.bundle('sleep 1000', limited(64 << 20));
  const files = 'cd /sys/fs/cgroup && cat memory.max pids.max cgroup.freeze';
  expect(
    await guest.output(`
      tsrun() { ${process.execPath} ${DIST}/cli/main-node.js "$@"; }
      tsrun ${option} run --detach --bundle ${bundle} ${id} </dev/null >/dev/null || exit
      tsrun exec ${id} sh -c '${files}' || exit
      tsrun update --memory 100663296 --memory-swap 100663296 --pids-limit 9 ${id} && tsrun pause ${id} || exit
      tsrun state ${id} | grep -o '"paused"'
      tsrun resume ${id} && tsrun exec ${id} sh -c '${files}' || exit
      tsrun delete --force ${id}`),
  ).toBe(`${64 << 20}\n20\n0\n"paused"\n${96 << 20}\n9\n0\n`);
});

test('a program outlives its exec into a container that has used up its memory', async () => {
  const id = guest.newId();
  const limit = 24 << 20;
  // Memory that nobody can be killed for: the largest process would be the one of the exec.
  const bundle = guest.bundle('sleep 1000', limited(limit));
  const program = guest.write(
    `${id}.mjs`,
    `import { getContainer } from '${DIST}/index.js';
    const container = await getContainer('${id}');
    let failed = 0;
    for (let i = 0; i < 20; i++) {
      try {
        const { wait } = await container.exec({ process: { args: ['true'], cwd: '/' } });
        await wait();
      } catch {
        failed++;
      }
    }
    console.log(failed > 0 ? 'failed' : 'there was memory left');`,
  );
  expect(
    await guest.output(`
      tsrun run --detach --bundle ${bundle} ${id} </dev/null >/dev/null || exit
      pid=$(tsrun state ${id} | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p')
      cgroup=/sys/fs/cgroup$(sed -n s/^0:://p /proc/$pid/cgroup)
      # Written from within, so that it counts there, until nothing more fits.
      sh -c 'echo 0 >$1/cgroup.procs; exec dd if=/dev/zero of=/proc/$2/root/dev/shm/file bs=4k 2>/dev/null' \\
        sh $cgroup $pid 2>/dev/null
      grep -c 'oom_kill [1-9]' $cgroup/memory.events
      ${process.execPath} ${program}
      tsrun delete --force ${id}`),
  ).toBe('1\nfailed\n');
});

test('a program outlives making containers below a cgroup that has used up its memory', async () => {
  const id = guest.newId();
  const bundle = guest.bundle('true', (spec) => {
    const linux = (spec.linux ??= {});
    linux.cgroupsPath = `/${id}-pod/container`;
  });
  const file = `/dev/shm/${id}`;
  const program = guest.write(
    `${id}.mjs`,
    `import { createContainer } from '${DIST}/index.js';
    import { statSync, truncateSync } from 'node:fs';
    const make = () => createContainer({ id: '${id}', bundle: '${bundle}', stdio: 'ignore' });
    let failed = 0;
    // From nothing to enough, so that it ends at each place once.
    for (let size = statSync('${file}').size; size > 0; size -= 65536) {
      truncateSync('${file}', size);
      try {
        await (await make()).delete({ force: true });
        break;
      } catch {
        failed++;
      }
    }
    console.log(failed > 0 ? 'failed, then made' : 'there was memory left');`,
  );
  expect(
    await guest.output(`
      pod=/sys/fs/cgroup/${id}-pod program=/sys/fs/cgroup/${id}-program
      echo +memory >/sys/fs/cgroup/cgroup.subtree_control
      mkdir $pod $program || exit
      echo ${24 << 20} >$pod/memory.max
      echo 0 >$pod/memory.swap.max
      # Written from within, so that it counts there, until nothing more fits. Nobody can be killed for it.
      sh -c 'echo 0 >$1/cgroup.procs; exec dd if=/dev/zero of=${file} bs=4k 2>/dev/null' sh $pod 2>/dev/null
      # In a cgroup of its own: systemd would end all of the one that it is killed in.
      sh -c 'echo 0 >$1/cgroup.procs; exec ${process.execPath} ${program}' sh $program
      echo $?
      rm ${file}
      tsrun delete --force ${id}
      [ ! -d $pod/container ] || rmdir $pod/container
      rmdir $pod $program`),
  ).toBe('failed, then made\n0\n');
});
