/**
 * Text that an image, a bundle or a process chooses is shown to whoever runs `list`, `state`, `ps` or reads an
 * error: it must not reach their terminal as commands, nor pass for other text.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { stringifyJson } from '../../src/spec/json.js';
import type { Spec } from '../../src/spec/types.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();

/** Title of the window, a colour by ESC and by C1, line breaks, direction of text, no width, a tag. */
const NASTY =
  'x\u001b]0;t\u0007\u001b[31m\u009b32m\r\n\u007f\u2028\u202e\u2066\u200b\ufeff\u{e0041}y';

/** Anything that a terminal obeys or does not show. */
const ACTS = /[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/u;

/** The configuration, in a directory of that name, which is where a bundle is shown by. */
function nastyBundle(script: string, change: (spec: Spec) => void): string {
  const bundle = scene.bundle(script, change);
  bundle.spec.root = { ...bundle.spec.root, path: bundle.rootfs };
  const path = join(bundle.path, NASTY);
  mkdirSync(path);
  writeFileSync(join(path, 'config.json'), stringifyJson(bundle.spec));
  return path;
}

/** What goes to the terminal, all of which is looked at. */
async function shown(args: readonly string[]): Promise<{ status: number | null; text: string }> {
  const { status, stdout, stderr } = await scene.runtime(args);
  const text = stdout + stderr;
  expect(text, args.join(' ')).not.toMatch(ACTS);
  return { status, text };
}

test('the tables and answers about a container are text, and JSON is true', async () => {
  const annotations = { [NASTY]: NASTY };
  const path = nastyBundle('sleep 1000', (spec) => {
    spec.annotations = annotations;
    spec.process!.args = ['/bin/sh', '-c', `: '${NASTY}'; sleep 1000; :`];
  });
  const id = newId();
  const created = await scene.runtime(['create', '--bundle', path, id], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  expect(created.status).toBe(0);
  expect(await shown(['start', id])).toEqual({ status: 0, text: '' });

  for (const args of [['list'], ['state', '--format', 'table', id]]) {
    expect((await shown(args)).text).toContain('/x?]0;t??[31m?32m');
  }
  const [entry] = JSON.parse((await shown(['list', '--format', 'json'])).text) as unknown[];
  const state: unknown = JSON.parse((await shown(['state', id])).text);
  for (const view of [entry, state]) expect(view).toMatchObject({ bundle: path, annotations });

  await expect.poll(async () => (await shown(['ps', id])).text).toContain('sleep 1000');
  expect((await shown(['ps', id, '-eo', 'pid,args'])).text).toContain('sh -c : ');
  // A host without a ps program.
  const own = await scene.runtime(['ps', id], { env: { PATH: '/nowhere' } });
  expect(own).toMatchObject({ status: 0, stderr: '' });
  expect(own.stdout).toContain("sh -c : 'x?]0;t??[31m?32m");
  expect(own.stdout).not.toMatch(ACTS);
  for (const args of [
    ['list', '-q'],
    ['ps', '--format', 'json', id],
    ['events', '--stats', id],
  ]) {
    expect((await shown(args)).status).toBe(0);
  }
  const plan = await shown(['plan', '--bundle', path]);
  expect(JSON.stringify(JSON.parse(plan.text))).toContain(JSON.stringify(NASTY).slice(1, -1));
  expect((await shown(['delete', '--force', id])).status).toBe(0);
});

const hook = (script: string): NonNullable<Spec['hooks']> => ({
  createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', script] }],
});

const FAULTS: [string, (spec: Spec) => void][] = [
  ['a program that is not there', (spec) => (spec.process!.args = [NASTY])],
  ['a directory that is not there', (spec) => (spec.process!.cwd = `/proc/${NASTY}`)],
  ['an annotation that is no text', (spec) => (spec.annotations = { [NASTY]: 1 as never })],
  [
    'a source that is not there',
    (spec) => spec.mounts!.push({ destination: '/m', type: 'bind', source: `/${NASTY}` }),
  ],
  [
    'a target that is not there',
    (spec) => spec.mounts!.push({ destination: `/${NASTY}`, type: NASTY }),
  ],
  ['a sysctl', (spec) => (spec.linux!.sysctl = { [`kernel.${NASTY}`]: '1' })],
  ['a label', (spec) => (spec.process!.apparmorProfile = NASTY)],
  ['what a hook prints', (spec) => (spec.hooks = hook(`printf '%s' '${NASTY}' >&2; exit 1`))],
  [
    'a hook that is not there',
    (spec) => (spec.hooks = { createContainer: [{ path: `/${NASTY}` }] }),
  ],
  [
    'an unknown capability',
    (spec) => (spec.process!.capabilities = { bounding: [`CAP_${NASTY}`] }),
  ],
];

test.each(FAULTS)('%s is told as text, in a log too', async (_, change) => {
  const path = nastyBundle('true', change);
  const log = join(path, 'log');
  const { text } = await shown(['run', '--bundle', path, newId()]);
  expect(text).not.toBe('');
  for (const format of ['text', 'json']) {
    const file = `${log}.${format}`;
    await shown([
      '--log',
      file,
      '--log-format',
      format,
      '--debug',
      'run',
      '--bundle',
      path,
      newId(),
    ]);
    const lines = readFileSync(file, 'utf8');
    expect(lines).not.toBe('');
    expect(lines).not.toMatch(ACTS);
  }
});

test('so are what is given on the command line, and files that cannot be read', async () => {
  for (const args of [
    ['state', NASTY],
    ['run', '--bundle', `/${NASTY}`, 'x'],
    ['run', `--${NASTY}`, 'x'],
    ['kill', 'x', NASTY],
    [NASTY],
    ['--root', `/proc/${NASTY}`, 'run', '--bundle', '/', 'x'],
    ['--log', `/proc/${NASTY}`, 'list'],
    ['exec', '--user', NASTY, 'x', 'id'],
    ['update', '--resources', `/${NASTY}`, 'x'],
  ]) {
    const { status, text } = await shown(args);
    expect(status, args.join(' ')).not.toBe(0);
    expect(text).not.toBe('');
  }
});
