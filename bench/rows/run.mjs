// `run` of busybox true, of a fresh process each, until it has been deleted.

import { join } from 'node:path';
import { bindMounts, withCgroupNamespace } from '../lib/bundles.mjs';
import { compile } from '../lib/programs.mjs';

const run = async (scene, runtime, bundle) =>
  scene.call(runtime, 'run', '--bundle', bundle, scene.id(runtime));

/** bench/c/floor.c and an empty program, as if they were runtimes. */
function floors(scene, bundle, cgroupNamespace) {
  const program = compile('floor', scene.work);
  const empty = compile('empty', scene.work);
  const state = join(scene.work, 'floor-state');
  const group = `${scene.prefix}-floor`;
  return [
    { name: 'floor', argv: [program, join(bundle, 'rootfs'), state, group, cgroupNamespace] },
    { name: 'empty', argv: [empty] },
  ];
}

async function backToBack(scene) {
  const bundle = scene.bundle('run', ['true']);
  const subjects = [...scene.compared, ...floors(scene, bundle, 'cgroupns')];
  await scene.rounds(subjects, async (subject) => {
    if (subject.argv) return { run: (await scene.timer.one(...subject.argv)).time };
    const { time, peak } = await run(scene, subject, bundle);
    return { run: time, memory: peak };
  });
}

/** Before each run nothing happens for a while. */
function idle(line, change) {
  return async (scene) => {
    const bundle = scene.bundle(line, ['true'], change);
    await scene.rounds(
      scene.compared,
      async (runtime) => ({ [line]: (await run(scene, runtime, bundle)).time }),
      { rest: 0, idle: scene.options.idle },
    );
  };
}

async function mounts(scene) {
  const bundle = scene.bundle('mounts', ['true'], bindMounts(40));
  await scene.rounds(scene.compared, async (runtime) => ({
    mounts: (await run(scene, runtime, bundle)).time,
  }));
}

/** What v2 has of limits on a hybrid host too: device rules, huge pages. */
function withLimits(config) {
  const devices = [];
  for (let minor = 0; minor < 16; minor += 1) {
    devices.push({ allow: true, type: 'c', major: 10, minor, access: 'rw' });
  }
  config.linux.resources = {
    devices: [{ allow: false, access: 'rwm' }, ...devices],
    hugepageLimits: [{ pageSize: '2MB', limit: 2 ** 22 }],
  };
}

async function limits(scene) {
  const bundle = scene.bundle('limits', ['true'], withLimits);
  await scene.rounds(scene.compared, async (runtime) => ({
    limits: (await run(scene, runtime, bundle)).time,
  }));
}

export const runs = [
  {
    name: 'run',
    lines: [
      {
        name: 'run',
        title: 'run of /bin/true, back to back',
        limits: { crun: 0.8, runc: 0.2, floor: 1.5 },
      },
      {
        name: 'memory',
        title: 'peak resident memory of run',
        unit: 'KiB',
        limits: { crun: 1, runc: 0.27 },
      },
    ],
    measure: backToBack,
  },
  {
    name: 'run-idle',
    lines: [
      {
        name: 'run-idle',
        title: 'the same after 0.25 s of idleness',
        limits: { crun: 0.8, runc: 0.25 },
      },
    ],
    measure: idle('run-idle'),
  },
  {
    name: 'run-idle-no-cgroupns',
    lines: [
      {
        name: 'run-idle-no-cgroupns',
        title: 'the same without a cgroup namespace, after idleness',
        limits: { crun: 0.4, runc: 0.2 },
      },
    ],
    measure: idle('run-idle-no-cgroupns', (config) => withCgroupNamespace(config, false)),
  },
  {
    name: 'mounts',
    lines: [
      { name: 'mounts', title: 'run with 40 bind mounts', limits: { crun: 0.8, runc: 0.25 } },
    ],
    measure: mounts,
  },
  {
    name: 'limits',
    lines: [
      {
        name: 'limits',
        title: 'run with 17 device rules and a limit of huge pages',
        limits: { crun: 0.8, runc: 0.2 },
      },
    ],
    measure: limits,
  },
];
