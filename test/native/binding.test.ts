/**
 * The binding on both hosts: one list of calls, and what comes back has to be
 * the same text. The executable's host is the one without an image.
 *
 * TSRUN_ADDON and TSRUN_PLAIN name other builds, with sanitizers; TSRUN_VALGRIND
 * is valgrind, which then checks the one without.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import type { Native } from '../../src/native/types.js';
import { bindingChecks } from '../support/binding-checks.js';
import { busChecks } from '../support/bus-checks.js';
import { bundleForQuickjs } from '../support/quickjs-bundle.js';
import { runProgram } from '../support/tsrun.js';

const root = join(import.meta.dirname, '../..');
const build = join(root, 'native/build');
const plain = process.env['TSRUN_PLAIN'] ?? join(build, 'tsrun-plain');

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'tsrun-binding-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A message bus of its own, ended after the test; the path of its socket. */
async function messageBus(): Promise<string> {
  const socket = join(directory(), 'bus');
  const daemon = spawn(
    'dbus-daemon',
    ['--session', '--nofork', '--nopidfile', `--address=unix:path=${socket}`, '--print-address'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  onTestFinished(() => {
    daemon.kill();
  });
  await new Promise((resolve, reject) => {
    daemon.stdout.once('data', resolve);
    daemon.once('error', reject);
    daemon.once('exit', () => reject(new Error('dbus-daemon has ended')));
  });
  return socket;
}

/** The list of calls for the executable's host, bundled. */
function bundleChecks(): string {
  return bundleForQuickjs(build, 'test/support/binding-quickjs.ts', directory());
}

function addon(): Native {
  return createRequire(import.meta.url)(
    process.env['TSRUN_ADDON'] ?? join(build, 'Release/tsrun.node'),
  ) as Native;
}

function checksOnNode(): Promise<string> {
  return bindingChecks(addon(), directory());
}

test.skipIf(!existsSync(plain))('both hosts answer alike', async () => {
  const bus = await messageBus();
  const node = (await checksOnNode()) + (await busChecks(addon(), bus)).join('\n');
  expect(node).toContain('timeout 0');
  expect(node).not.toContain('too early');
  const quickjs = await runProgram([plain, bundleChecks(), directory(), bus]);
  expect(quickjs.stderr).toBe('');
  expect(quickjs.stdout).toBe(node);
  expect(quickjs.status).toBe(0);
});

const valgrind = process.env['TSRUN_VALGRIND'];

if (valgrind !== undefined) {
  test('no wrong access and no leak is seen by valgrind', { timeout: 120_000 }, async () => {
    // It does not know mount_setattr(2), and answers that it is not implemented.
    const known = (text: string): string =>
      text.replaceAll(/^(a flag that is .*: )-(22|38)$/gm, '$1refused');
    const log = join(directory(), 'log');
    const quickjs = await runProgram([
      ...[valgrind, '--leak-check=full', '--error-exitcode=99', `--log-file=${log}`],
      ...[plain, bundleChecks(), directory()],
    ]);
    expect(quickjs.stderr).toBe('');
    expect(known(quickjs.stdout)).toBe(known(await checksOnNode()));
    const said = readFileSync(log, 'utf8');
    expect(said).toContain('All heap blocks were freed -- no leaks are possible');
    expect(said).toContain('ERROR SUMMARY: 0 errors');
    expect(quickjs.status).toBe(0);
  });
}

test('a message bus is spoken to', async () => {
  const told = await busChecks(addon(), await messageBus());
  const bodies = told.filter((line) => line.startsWith('a body of'));
  expect(bodies).toHaveLength(17);
  // EINVAL, and sd-bus's words for an array that is not ended or holds something else.
  expect(bodies.filter((line) => !/: -(22|74|6)$/.test(line))).toEqual([]);

  const ours = ['s', 'OUR NAME'];
  const reply = (...body: unknown[]): object => ({ type: 'reply', name: '', text: '', body });
  const signal = (name: string, ...body: unknown[]): object => ({
    ...{ type: 'signal', name, text: '', body },
  });
  const refusal = (name: string, text: string): object => ({
    ...{ type: 'error', name: `org.freedesktop.DBus.Error.${name}`, text, body: [] },
  });
  const lines = [
    ...['no such bus: -2', 'no address: -111', 'an unknown handle: -9'],
    ...['watching an unknown handle: -9', 'calling on an unknown handle: -9'],
    ...['closing an unknown handle: 0', 'a bus: true'],
    ...(
      [
        ['NameHasOwner', signal('NameAcquired', ours), false],
        ['NameHasOwner', reply(['b', '1']), true],
        ['NameHasOwner', reply(['b', '0']), true],
        [
          'GetNameOwner',
          refusal('NameHasNoOwner', "Could not get owner of name 'no.body': no such name"),
          true,
        ],
        ['AddMatch', reply(), true],
        ['RequestName', signal('NameOwnerChanged', ['s', 'test.name'], ['s', ''], ours), false],
        ['RequestName', signal('NameAcquired', ['s', 'test.name']), false],
        ['RequestName', reply(['u', '1']), true],
        ['ListQueuedOwners', reply(['a', 's'], ours, [')', '']), true],
        ['UpdateActivationEnvironment', reply(), true],
        [
          'Nonsense',
          refusal('UnknownMethod', 'org.freedesktop.DBus does not understand message Nonsense'),
          true,
        ],
      ] as const
    ).map(([name, message, isAnswer]) => `${name}: ${JSON.stringify({ ...message, isAnswer })}`),
    'a destination that is none: -22',
    `NameHasOwner: ${JSON.stringify({ ...reply(['b', '1']), isAnswer: true })}`,
    ...['closed: 0', 'after that: -9'],
  ];
  expect(told.filter((line) => !line.startsWith('a body of'))).toEqual(lines);
});
