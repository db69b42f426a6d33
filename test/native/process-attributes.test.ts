/** What a process has from the caller of the runtime: src/plan/attributes.ts, seen from inside. */

import { copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { PROCESS_ATTRIBUTES } from '../../src/plan/attributes.js';
import type { Bundle } from '../support/bundle.js';
import { useAttributes } from '../support/calls.js';
import { inUserNamespace, linuxOf, processOf } from '../support/inside.js';
import { execOutput, useScene } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';
import type { Spec } from '../../src/spec/types.js';

const scene = useScene();
const program = useAttributes();

/** What cannot be taken back, or takes more than some callers have: each is tried alone. */
const ALONE = ['no-new-privileges', 'mdwe', 'login-uid', 'io-flusher', 'speculation'];
/** And what the runtime itself cannot run with. */
const APART = [...ALONE, 'tsc'];

/** How the login uid is shown in a user namespace that does not map it: as if it was not set. */
const UNMAPPED_LOGIN = '4294967295';

type Values = Record<string, string>;

function parse(output: string): Values {
  return Object.fromEntries(
    output
      .trimEnd()
      .split('\n')
      .map((line) => [line.replace(/ .*/, ''), line.replace(/^\S+ ?/, '')]),
  );
}

/** What takes a capability on the host: the test gives it where there is a privileged caller. */
const PRIVILEGED = ['groups', 'securebits'];

async function showOnHost(...prefix: string[]): Promise<Values> {
  const { status, stdout, stderr } = await runProgram([...prefix, program.file, 'show']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return parse(stdout);
}

/** Nothing of the bundle's has a say. */
function bare(spec: Spec): void {
  const process = processOf(spec);
  delete process.rlimits;
  delete process.noNewPrivileges;
}

/** As the list has it. The umask and the keyring are not the caller's in any case. */
function expected(own: Values, odd: Values): Values {
  const values: Values = {};
  for (const { name, otherwise } of PROCESS_ATTRIBUTES) {
    const [before, given] = [own[name], odd[name]];
    if (before === undefined || given === undefined) continue;
    values[name] = otherwise === 'kept' ? given : before;
  }
  return { ...values, umask: '022', keyring: 'new', groups: '' };
}

function seen(output: string, odd: Values): Values {
  const values = parse(output);
  expect(Object.keys(values).sort()).toEqual(Object.keys(odd).sort());
  return { ...values, keyring: values['keyring']?.startsWith('_ses.') === true ? 'new' : '' };
}

const SHOW = ['/bin/process-attributes', 'show'];

/** What `run` and `exec` print of a caller that is begun so. */
async function showInside(
  place: (spec: Spec, bundle: Bundle) => void,
  caller: string[],
): Promise<string[]> {
  const bundle = scene.bundle('', (spec) => {
    bare(spec);
    processOf(spec).args = SHOW;
  });
  program.into(bundle);
  place(bundle.spec, bundle);
  bundle.write();
  const run = await scene.run(bundle, [], { prefix: caller });
  const container = await scene.started('exec sleep 1000', (spec) => {
    bare(spec);
    if (place === inUserNamespace) Object.assign(spec, { linux: bundle.spec.linux });
  });
  program.into(container.bundle);
  const joined = await scene.runtime(['exec', container.id, ...SHOW], { prefix: caller });
  await container.remove();
  for (const result of [run, joined]) expect(result).toMatchObject({ status: 0, stderr: '' });
  return [run.stdout, joined.stdout];
}

test('the list has every attribute that the program knows', async () => {
  const names = PROCESS_ATTRIBUTES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(Object.keys(await showOnHost())));
});

test.each([
  ['a container', () => undefined],
  ['a user namespace', inUserNamespace],
])('in %s are reset or kept as the list says', async (_, place) => {
  const own = await showOnHost();
  const caller = [program.file, 'all', '--'];
  const odd = await showOnHost(...caller);
  // Each of them is another one, or the test says nothing about it.
  const same = Object.keys(own).filter((name) => own[name] === odd[name]);
  expect(same.sort()).toEqual([...APART, 'dumpable', 'keep-capabilities'].sort());

  const wanted = expected(own, odd);
  // user_namespaces(7), "Capabilities": they are cleared.
  if (place === inUserNamespace) wanted['securebits'] = '0';
  for (const output of await showInside(place, caller)) {
    expect(seen(output, odd)).toEqual(wanted);
  }
});

test.for(ALONE)('%s is kept', async (name, context) => {
  // Its compiler writes to pages that it executes.
  if (name === 'mdwe' && COMMAND[0] === process.execPath) context.skip('Node cannot run with it');
  const caller = [program.file, name, '--'];
  const given = await runProgram([...caller, program.file, 'show']);
  if (given.status !== 0) context.skip(`cannot be set here: ${given.stderr.trim()}`);
  const [own, odd] = [(await showOnHost())[name], parse(given.stdout)[name]];
  expect(odd).not.toBe(own);
  for (const place of [() => undefined, inUserNamespace]) {
    const wanted = name === 'login-uid' && place === inUserNamespace ? UNMAPPED_LOGIN : odd;
    for (const output of await showInside(place, caller)) {
      expect(parse(output)[name]).toBe(wanted);
    }
  }
});

test('a caller without a time stamp counter ends the runtime, and what it leaves can be deleted', async () => {
  const bundle = scene.bundle('true');
  const id = newId();
  const caller = [program.file, 'tsc', '--'];
  const run = await scene.runtime(['run', '--bundle', bundle.path, id], { prefix: caller });
  expect(run).toMatchObject({ status: null, signal: 'SIGSEGV' });
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
});

test('of a caller without privileges they are reset or kept as the list says', async () => {
  const user = makeUser();
  onTestFinished(() => {
    user.remove();
  });
  const file = join(user.runtimeDirectory, 'process-attributes');
  copyFileSync(program.file, file);
  const showAsUser = async (...prefix: string[]): Promise<Values> => {
    const { status, stdout, stderr } = await user.run([...prefix, file, 'show']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return parse(stdout);
  };
  const own = await showAsUser();
  const names = Object.keys(own).filter((name) => ![...APART, ...PRIVILEGED].includes(name));
  const caller = [file, ...names, '--'];
  const odd = await showAsUser(...caller);
  const same = names.filter((name) => own[name] === odd[name]);
  expect(same.sort()).toEqual(['dumpable', 'keep-capabilities']);
  const wanted = expected(own, odd);

  const root = join(user.runtimeDirectory, 'tsrun');
  const id = newId();
  const make = (args: string[]): string => {
    const bundle = scene.bundle('', (spec) => {
      bare(spec);
      processOf(spec).args = args;
      delete processOf(spec).capabilities?.ambient;
      linuxOf(spec).namespaces?.push({ type: 'user' });
      const ids = [{ containerID: 0, hostID: UID, size: 1 }];
      Object.assign(linuxOf(spec), { uidMappings: ids, gidMappings: ids });
      const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
      if (pts?.options !== undefined)
        pts.options = pts.options.filter((o) => !o.startsWith('gid='));
    });
    program.into(bundle);
    user.give(bundle.path);
    return bundle.path;
  };
  const run = [...COMMAND, 'run', '--bundle', make(SHOW), newId()];
  const alone = await user.run([...caller, ...run]);
  expect(alone).toMatchObject({ status: 0, stderr: '' });
  expect(seen(alone.stdout, odd)).toEqual(wanted);

  const detached = ['run', '--detach', '--bundle', make(['sleep', '1000']), id];
  await user.tsrun(detached, { stdio: ['ignore', 'ignore', 'ignore'] });
  try {
    scene.expectOrphan(
      Number((await user.tsrun(['ps', '-f', 'json', id])).stdout.match(/\d+/)?.[0]),
    );
    const joined = await user.run([...caller, ...COMMAND, 'exec', id, ...SHOW]);
    expect(joined).toMatchObject({ status: 0, stderr: '' });
    expect(seen(joined.stdout, odd)).toEqual(wanted);
  } finally {
    await user.tsrun(['delete', '--force', id]);
  }
  expect(existsSync(join(root, id))).toBe(false);
});

test('an exec of a process of its own has the OOM score and the personality of the container', async () => {
  const container = await scene.started('exec sleep 1000', (spec) => {
    processOf(spec).oomScoreAdj = 222;
    linuxOf(spec).personality = { domain: 'LINUX32' };
  });
  const { args: _, oomScoreAdj: __, ...process } = processOf(container.bundle.spec);
  const file = join(container.bundle.path, 'process.json');
  const args = ['sh', '-c', 'cat /proc/self/oom_score_adj; uname -m'];
  writeFileSync(file, JSON.stringify({ ...process, args }));
  const result = await scene.runtime(['exec', '--process', file, container.id], {
    prefix: [program.file, 'oom-score-adj', 'personality', '--'],
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toMatch(/^222\n(i686|armv8l)\n$/);
  await container.remove();
});

test('an exec with CPUs of its own has these', async () => {
  const container = await scene.started('exec sleep 1000');
  const cpus = 'grep Cpus_allowed_list: /proc/self/status';
  const { args: _, ...process } = processOf(container.bundle.spec);
  const file = join(container.bundle.path, 'process.json');
  const own = { ...process, args: ['sh', '-c', cpus], execCPUAffinity: { final: '0' } };
  writeFileSync(file, JSON.stringify(own));
  const result = await scene.runtime(['exec', '--process', file, container.id]);
  expect(result.stdout).toBe('Cpus_allowed_list:\t0\n');
  expect(await execOutput(scene.runtime, container.id, [], cpus)).not.toBe(result.stdout);
  await container.remove();
});

test('what is made in the container has its mode, and a hook the umask of the caller', async () => {
  const bundle = scene.bundle('cd /; stat -c "%a %n" dev/null; cat umasks');
  const root = join(bundle.path, 'rootfs');
  const hook = (path: string): NonNullable<NonNullable<Spec['hooks']>['prestart']>[number] => ({
    path: '/bin/sh',
    args: ['sh', '-c', `umask >>${path}`],
  });
  bundle.spec.hooks = {
    createContainer: [hook(join(root, 'umasks'))],
    startContainer: [hook('/umasks')],
  };
  bundle.spec.mounts = [
    ...(bundle.spec.mounts ?? []),
    { destination: '/a/b', type: 'tmpfs', source: 'tmpfs' },
    { destination: '/file', type: 'bind', source: '/etc/passwd', options: ['bind', 'ro'] },
  ];
  delete bundle.spec.root?.readonly;
  bundle.write();
  const result = await scene.run(bundle, [], {
    prefix: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toBe(['666 dev/null', '0077', '0022', ''].join('\n'));
  const modes = ['a', 'a/b', 'file'].map((path) => statSync(join(root, path)).mode & 0o7777);
  expect(modes).toEqual([0o755, 0o755, 0o644]);
});
