/** Bundles as umoci unpacks them from an image. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { makeRootfs } from '../support/bundle.js';
import { COMMAND, makeRuntime, newId, runProgram } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';

const UMOCI = '/usr/bin/umoci';

let directory: string;
let image: string;

beforeAll(() => {
  if (!existsSync(UMOCI)) return;
  directory = mkdtempSync(join(tmpdir(), 'tsrun-umoci-'));
  execFileSync('chmod', ['755', directory]);
  const rootfs = join(directory, 'rootfs');
  makeRootfs(rootfs);
  const layout = join(directory, 'layout');
  image = `${layout}:busybox`;
  const umoci = (...args: string[]): Buffer => execFileSync(UMOCI, args);
  umoci('init', '--layout', layout);
  umoci('new', '--image', image);
  umoci('insert', '--image', image, rootfs, '/');
  const command = ['sh', '-c', 'id -u; tty; echo $VALUE; exit 3'];
  umoci(
    ...['config', '--image', image, '--config.env', 'VALUE=of the image'],
    ...command.flatMap((word) => ['--config.cmd', word]),
  );
});

afterAll(() => {
  // Without umoci none has been made.
  if (existsSync(UMOCI)) rmSync(directory, { recursive: true, force: true });
});

beforeEach((context) => {
  context.skip(!existsSync(UMOCI), `needs ${UMOCI} (scripts/setup.sh installs it)`);
});

/** On a terminal, as the configuration that umoci writes wants one. */
const onTerminal = (command: readonly string[]): string[] => [
  ...['/usr/bin/script', '-qec', command.map((word) => `'${word}'`).join(' '), '/dev/null'],
];

/** A warning may come before: there is no cgroup that this user may have. */
const PRINTED = /(^|\n)0\r\n\/dev\/pts\/0\r\nof the image\r\n$/;

test('a bundle that root has unpacked runs as it is', async () => {
  const bundle = join(directory, `bundle-${newId()}`);
  execFileSync(UMOCI, ['unpack', '--image', image, bundle]);
  const runtime = makeRuntime();
  const run = [...COMMAND, '--root', runtime.root, 'run', '--bundle', bundle, newId()];
  const result = await runProgram(onTerminal(run));
  await runtime.clean();
  expect(result.stdout.replaceAll('^@', '').replaceAll('\b', '')).toMatch(PRINTED);
  expect(result.status).toBe(3);
});

test('a bundle that a user has unpacked without privileges runs as it is', async () => {
  const user = makeUser();
  try {
    const own = join(directory, `own-${newId()}`);
    execFileSync('install', ['-d', '-o', UID.toString(), own]);
    const bundle = join(own, 'bundle');
    user.give(join(directory, 'layout'));
    const unpacked = await user.run([UMOCI, 'unpack', '--rootless', '--image', image, bundle]);
    expect(unpacked, unpacked.stderr).toMatchObject({ status: 0 });
    const result = await user.run(onTerminal([...COMMAND, 'run', '--bundle', bundle, newId()]));
    expect(result.stdout.replaceAll('^@', '').replaceAll('\b', '')).toMatch(PRINTED);
    expect(result.status).toBe(3);
  } finally {
    user.remove();
  }
});
