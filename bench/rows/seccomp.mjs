// A filter of docker's size: what `run` takes with it when the program is in the
// cache, and what a call takes more than without a filter.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../lib/numbers.mjs';
import { compile } from '../lib/programs.mjs';

/** Of docker's profile: 365 names. */
const LEAST_NAMES = 365;
const CALLS = ['personality', 'clone', 'getpid'];

/** tsrun's own profile, for the architectures that docker's names on this machine. */
function withProfile(scene) {
  const directory = mkdtempSync(join(scene.work, 'spec-'));
  const [tsrun] = scene.get('tsrun').command;
  execFileSync(tsrun, ['spec', '--seccomp', 'default'], { cwd: directory });
  const { seccomp } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')).linux;
  const names = new Set(seccomp.syscalls.flatMap((rule) => rule.names));
  if (names.size < LEAST_NAMES) throw new Error(`the profile has ${names.size} names`);
  if (process.arch === 'x64') {
    seccomp.architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];
  }
  return (config) => {
    config.linux.seccomp = seccomp;
  };
}

async function run(scene) {
  const bundle = scene.bundle('seccomp', ['true'], withProfile(scene));
  await scene.rounds(scene.compared, async (runtime) => ({
    'seccomp-run': (await scene.call(runtime, 'run', '--bundle', bundle, scene.id(runtime))).time,
  }));
}

/** What each call costs inside of a container, in nanoseconds. */
function ask(scene, runtime, bundle) {
  const [command, ...args] = scene.command(runtime, 'run', '--bundle', bundle, scene.id(runtime));
  const output = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
  return output.trim().split(' ').map(Number);
}

async function calls(scene) {
  const program = compile('calls', scene.work);
  const withProgram =
    (change = () => {}) =>
    (config, path) => {
      cpSync(program, join(path, 'rootfs/bin/calls'));
      change(config);
    };
  const filtered = scene.bundle('calls', ['/bin/calls'], withProgram(withProfile(scene)));
  const free = scene.bundle('calls-free', ['/bin/calls'], withProgram());
  const unfiltered = { ...scene.get('tsrun'), name: 'none' };
  const found = [];
  await scene.rounds([unfiltered, ...scene.compared], async (subject) => {
    found.push([subject.name, ask(scene, subject, subject === unfiltered ? free : filtered)]);
    return {};
  });
  const without = CALLS.map((_, i) =>
    median(found.filter(([name]) => name === 'none').map(([, values]) => values[i])),
  );
  for (const [name, values] of found) {
    if (name === 'none') continue;
    CALLS.forEach((call, i) => scene.record(`seccomp-${call}`, name, values[i] - without[i]));
  }
}

export const seccomp = [
  {
    name: 'seccomp',
    lines: [
      {
        name: 'seccomp-run',
        title: "run with a filter of docker's size, from the cache",
        limits: { crun: 0.8, runc: 0.2 },
      },
    ],
    measure: run,
  },
  {
    name: 'seccomp-calls',
    lines: CALLS.map((name) => ({
      name: `seccomp-${name}`,
      title: `what that filter adds to ${name}`,
      unit: 'ns',
      // getpid is answered by the kernel's bitmap, without the filter.
      limits: name === 'getpid' ? {} : { crun: 1.03, runc: 1.03 },
    })),
    measure: calls,
  },
];
