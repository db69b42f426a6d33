/** hooks: where each kind runs, when, with what on standard input. */

import { mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Hook, Spec } from '../../src/spec/types.js';
import type { Bundle } from '../support/bundle.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

type Kind = keyof NonNullable<Spec['hooks']>;
const KINDS: Kind[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

interface Seen {
  kind: Kind;
  pid: number;
  mnt: string;
  net: string;
  cwd: string;
  env: string;
  args: string;
  root: string;
  state: Record<string, unknown>;
}

/** A hook that appends what it sees as a line of JSON to a file that all can reach. */
const SEE = `printf '{"kind":"%s","pid":%d,"mnt":"%s","net":"%s","cwd":"%s","env":"%s","args":"%s","root":"%s","state":%s}\\n' \
 "$1" $$ "$(readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/net)" "$PWD" "$(env | grep -v PWD | grep -v SHLVL | grep -v ^_= | sort | tr '\\n' ' ')" \
 "$0 $*" "$(test -e /tmp/outside && echo host || echo container)" "$(cat)" >> "$2"`;

/** The shared file is /tmp/shared/log inside, by a bind mount. */
function bundleWithHooks(
  script: string,
  extra: (kind: Kind) => Hook[] = () => [],
  environment = (kind: Kind): Pick<Hook, 'env'> => ({
    env: [`WHO=${kind}`, 'PATH=/usr/bin:/bin'],
  }),
): Bundle {
  const bundle = scene.bundle(script);
  mkdirSync(join(bundle.path, 'shared'));
  writeFileSync(join(bundle.path, 'shared/log'), '');
  mkdirSync(join(bundle.rootfs, 'tmp/shared'));
  bundle.spec.mounts?.push({
    destination: '/tmp/shared',
    source: join(bundle.path, 'shared'),
    type: 'bind',
    options: ['bind'],
  });
  bundle.spec.hooks = Object.fromEntries(
    KINDS.map((kind) => {
      const file = kind === 'startContainer' ? '/tmp/shared/log' : join(bundle.path, 'shared/log');
      const hook = { path: '/bin/sh', args: ['sh', '-c', SEE, 'arg0', kind, file] };
      return [kind, [{ ...hook, ...environment(kind) }, ...extra(kind)]];
    }),
  );
  bundle.spec.annotations = { 'org.example.key': 'value' };
  bundle.write();
  return bundle;
}

const seen = (bundle: Bundle): Seen[] =>
  readFileSync(join(bundle.path, 'shared/log'), 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Seen);

test('each kind runs at its time, in its namespaces, with the state on its input', async () => {
  const bundle = bundleWithHooks('exec sleep 1000');
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  const created = await stateOf(scene.runtime, id);
  const pid = created.pid;
  expect(seen(bundle).map(({ kind }) => kind)).toEqual(KINDS.slice(0, 3));
  const inside = {
    mnt: readlinkSync(`/proc/${pid.toString()}/ns/mnt`),
    net: readlinkSync(`/proc/${pid.toString()}/ns/net`),
  };
  const outside = {
    mnt: readlinkSync('/proc/self/ns/mnt'),
    net: readlinkSync('/proc/self/ns/net'),
  };

  expect((await scene.runtime(['start', id])).status).toBe(0);
  expect(seen(bundle).map(({ kind }) => kind)).toEqual(KINDS.slice(0, 5));
  await scene.runtime(['kill', id, 'KILL']);
  expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  expect((await scene.runtime(['delete', id])).status).toBe(0);

  const all = seen(bundle);
  const state = {
    ociVersion: '1.3.0',
    id,
    bundle: bundle.path,
    annotations: { 'org.example.key': 'value' },
  };
  expect(all.map(({ kind, state: { status } }) => [kind, status])).toEqual([
    ['prestart', 'creating'],
    ['createRuntime', 'creating'],
    ['createContainer', 'creating'],
    ['startContainer', 'created'],
    ['poststart', 'running'],
    ['poststop', 'stopped'],
  ]);
  for (const hook of all) {
    const isInside = ['createContainer', 'startContainer'].includes(hook.kind);
    expect(hook).toMatchObject(isInside ? inside : outside);
    expect(hook.state).toMatchObject(state);
    // The spec's pid is that of the process on the host; there is none after the end.
    if (!isInside) expect(hook.state['pid'] ?? 0).toBe(hook.kind === 'poststop' ? 0 : pid);
    expect(hook.args).toBe(
      `arg0 ${hook.kind} ${hook.kind === 'startContainer' ? '/tmp/shared/log' : join(bundle.path, 'shared/log')}`,
    );
    expect(hook.env).toBe(`PATH=/usr/bin:/bin WHO=${hook.kind} `);
  }
});

/** What hooks have of the variable WHO, which the caller of each command sets, and the process too. */
async function inherited(environment: Pick<Hook, 'env'>): Promise<Record<string, string>> {
  const bundle = bundleWithHooks('exec sleep 1000', undefined, () => environment);
  bundle.spec.process!.env = ['WHO=process', 'PATH=/usr/bin:/bin'];
  bundle.write();
  const id = newId();
  const as = (WHO: string): { env: NodeJS.ProcessEnv } => ({ env: { ...process.env, WHO } });
  const created = await scene.runtime(['create', '--bundle', bundle.path, id], {
    ...QUIET,
    ...as('create'),
  });
  expect(created.status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  expect((await scene.runtime(['start', id], as('start'))).status).toBe(0);
  await scene.runtime(['kill', id, 'KILL']);
  expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  expect((await scene.runtime(['delete', id], as('delete'))).status).toBe(0);
  return Object.fromEntries(
    seen(bundle).map(({ kind, env }) => [kind, / ?WHO=(\w+)/.exec(env)?.[1] ?? '']),
  );
}

test.each([
  ['absent', {}],
  ['null', { env: null } as unknown as Pick<Hook, 'env'>],
])('an env that is %s is that of the command, or of the process', async (_, environment) => {
  expect(await inherited(environment)).toEqual({
    prestart: 'create',
    createRuntime: 'create',
    createContainer: '',
    startContainer: 'process',
    poststart: 'start',
    poststop: 'delete',
  });
});

test('an empty env is empty', async () => {
  const nothing = Object.fromEntries(KINDS.map((kind) => [kind, '']));
  expect(await inherited({ env: [] })).toEqual(nothing);
});

test('poststop hooks after a failure, and those of run, have the environment of that command', async () => {
  const env = { ...process.env, WHO: 'caller' };
  const whoOf = (bundle: Bundle): string[][] =>
    seen(bundle).map(({ kind, env: all }) => [kind, / ?WHO=(\w+)/.exec(all)?.[1] ?? '']);
  const run = bundleWithHooks('true', undefined, () => ({}));
  expect(await scene.run(run, [], { env })).toMatchObject({ status: 0, stderr: '' });
  expect(whoOf(run)).toContainEqual(['poststop', 'caller']);
  expect(whoOf(run)).toContainEqual(['poststart', 'caller']);

  const failing = (kind: Kind): Hook[] =>
    kind === 'createRuntime' ? [{ path: '/bin/false' }] : [];
  const failed = bundleWithHooks('true', failing, () => ({}));
  const made = await scene.runtime(['create', '--bundle', failed.path, newId()], {
    ...QUIET,
    env,
  });
  expect(made.status).toBe(1);
  expect(whoOf(failed)).toEqual([
    ['prestart', 'caller'],
    ['createRuntime', 'caller'],
    ['poststop', 'caller'],
  ]);
});

test('createContainer hooks run in the root file system', async () => {
  const bundle = scene.bundle('true');
  const out = join(bundle.path, 'out');
  bundle.spec.hooks = {
    createContainer: [{ path: '/bin/sh', args: ['sh', '-c', `{ pwd; ls; } > ${out}`] }],
  };
  bundle.write();
  const cwd = await realpath(bundle.rootfs);
  expect(await scene.run(bundle, [], { cwd: '/' })).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(out, 'utf8').split('\n')).toEqual([cwd, ...readdirSync(cwd).sort(), '']);
});

test('hooks of one kind run one after another', async () => {
  const bundle = bundleWithHooks('true', (kind) => {
    const file = kind === 'startContainer' ? '/tmp/shared/order' : '$ORDER';
    return [1, 2, 3].map((number) => ({
      path: '/bin/sh',
      args: ['sh', '-c', `echo ${kind} ${number.toString()} >> ${file}`],
      env: ['PATH=/usr/bin:/bin', `ORDER=${join(bundlePath(), 'shared/order')}`],
    }));
  });
  function bundlePath(): string {
    return '@BUNDLE@';
  }
  const config = join(bundle.path, 'config.json');
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll('@BUNDLE@', bundle.path));
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(join(bundle.path, 'shared/order'), 'utf8').trimEnd().split('\n')).toEqual(
    KINDS.flatMap((kind) => [1, 2, 3].map((number) => `${kind} ${number.toString()}`)),
  );
});
