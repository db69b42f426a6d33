/**
 * The files of a container's cgroup under tsrun, beside runc and crun, with both managers of cgroups: limits as
 * managers write them (test/support/cgroup-configs.ts). Every difference is explained in docs/migrating.md, or a
 * fault.
 */

import { expect, test } from 'vitest';

import { limitedConfigs } from '../support/cgroup-configs.js';
import { EXPLAINED } from '../support/cgroup-differences.js';
import type { Difference } from '../support/comparison.js';
import {
  PEERS,
  RUNTIMES,
  containersOf,
  differences,
  idle,
  unexplained,
  untold,
} from '../support/comparison.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

/** What changes by itself, does something, or cannot be read. */
const NO_LIMITS = [
  ...['*.stat', '*.stat.*', '*.current', '*.events', '*.events.*', '*.pressure', '*.peak'],
  ...['*numa_stat', 'cgroup.procs', 'cgroup.threads', 'cgroup.kill', 'memory.reclaim'],
];

/**
 * `container TITLE RUNTIME BUNDLE ID UPDATE [OPTION]`: makes it, and shows the files of its cgroup, which is the
 * only one in `$parent`, before and after an update.
 */
const FUNCTIONS = `
limits() {
  echo "@@$1"
  cd $parent/*/ && find . -maxdepth 1 -type f ${NO_LIMITS.map((name) => `! -name '${name}'`).join(' ')} | xargs grep . /dev/null | cut -c3-
  echo "parent $(cat ../cgroup.subtree_control)"
  cd /
}
container() {
  title=$1 runtime=$2 bundle=$3 id=$4 update=$5; shift 5
  echo "@@@$title $runtime"
  if $runtime "$@" create --bundle $bundle --pid-file $work/pid $id </dev/null >$work/out 2>$work/error; then
    echo "@@cgroup"; cat /proc/$(cat $work/pid)/cgroup
    limits created
    if [ $update != - ]; then
      $runtime update --resources $update $id >$work/out 2>$work/error || echo "@@update fails"
      limits updated
    fi
    echo "@@end"
  else
    echo "@@error"; cat $work/error
  fi
  $runtime delete --force $id 2>/dev/null
}`;

const MANAGERS = [
  {
    name: 'cgroupfs',
    option: '',
    path: (id: string) => `/compared/${id}`,
    parent: '/sys/fs/cgroup/compared',
    // crun leaves the cgroup of a container that it could not make.
    end: '[ ! -e $parent ] || find $parent -depth -type d -exec rmdir {} +',
  },
  {
    name: 'systemd',
    option: '--systemd-cgroup',
    path: (id: string) => `compared.slice:of:${id}`,
    parent: '/sys/fs/cgroup/compared.slice',
    end: 'systemctl stop compared.slice',
  },
] as const;

async function compare(
  { name: manager, option, path, parent, end }: (typeof MANAGERS)[number],
  disk: readonly [number, number],
): Promise<Difference[]> {
  const ids: string[] = [];
  const calls = limitedConfigs(disk).flatMap(({ resources, update }, index) => {
    const file =
      update === undefined
        ? '-'
        : guest.write(`update-${manager}-${index.toString()}.json`, JSON.stringify(update));
    return RUNTIMES.map((runtime) => {
      const id = guest.newId();
      ids.push(id);
      const bundle = guest.bundle('true', (spec) => {
        spec.ociVersion = '1.2.0';
        spec.linux = {
          ...spec.linux,
          cgroupsPath: path(id),
          resources: { ...spec.linux?.resources, ...resources },
        };
      });
      return `container ${index.toString()} ${runtime} ${bundle} ${id} ${file} ${option}; ${end}`;
    });
  });
  const { status, stdout, stderr } = await guest.run(
    `${FUNCTIONS}\nwork=$(mktemp -d) parent=${parent}\n${calls.join('\n')}\nrm -r $work`,
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const seen = containersOf(
    ids.reduce((text, id) => text.replaceAll(new RegExp(`${id}\\b`, 'g'), 'ID'), stdout),
  );
  return limitedConfigs(disk).flatMap(({ name }, index) => {
    const [tsrun = new Map<string, string[]>(), ...others] = RUNTIMES.map((runtime) =>
      seen.get(`${index.toString()} ${runtime}`),
    );
    return PEERS.flatMap((peer, at) =>
      differences(`${manager}, ${name}`, peer, tsrun, others[at] ?? new Map<string, string[]>()),
    );
  });
}

test('every difference of limits to runc and crun is explained, under cgroupfs and systemd', async () => {
  const [major = NaN, minor = NaN] = (await guest.output('cat /sys/block/nvme0n1/dev'))
    .split(':')
    .map(Number);
  // Beside each other: the machine has two processors.
  const found = (
    await Promise.all(MANAGERS.map((manager) => compare(manager, [major, minor])))
  ).flat();
  expect(unexplained(found, EXPLAINED)).toEqual([]);
  // What does not differ any more is not explained either.
  expect(idle(found, EXPLAINED)).toEqual([]);
});

test('docs/migrating.md has each of these explanations', () => {
  expect(untold(EXPLAINED)).toEqual([]);
});
