/**
 * The root file system is named by a link that somebody exchanges in a loop: what the runtime has read
 * (the user's home in /etc/passwd, what it writes into the state) and what the container runs on are
 * the same directory, or there is no container.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { compileAttacker } from './attackers/compile.js';

const scene = useScene();

/** Node takes its time to start. */
const TRIES = process.env['TSRUN_CLI'] === undefined ? 10 : 40;

test('the root file system is one directory from the beginning to the end', async () => {
  const bundle = scene.bundle('echo "$HOME"; cat /which', (spec) => {
    spec.process?.env?.splice(0, spec.process.env.length, 'PATH=/bin');
  });
  const name = (root: string, which: string): void => {
    writeFileSync(join(root, 'which'), `${which}\n`);
    mkdirSync(join(root, 'etc'), { recursive: true });
    writeFileSync(join(root, 'etc/passwd'), `root:x:0:0::${which}:/bin/sh\n`);
  };
  const [a, b, links] = ['a', 'b', 'links'].map((entry) => join(bundle.path, entry)) as [
    string,
    string,
    string,
  ];
  cpSync(bundle.rootfs, b, { recursive: true, verbatimSymlinks: true });
  renameSync(bundle.rootfs, a);
  name(a, '/a');
  name(b, '/b');
  mkdirSync(links);
  symlinkSync(a, join(links, 'd0'));
  symlinkSync(b, join(links, 'e0'));
  bundle.spec.root = { path: 'links/d0' };
  bundle.write();
  const loop = spawn(links + compileAttacker('exchange', links), [links, 'd0', 'e0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(loop, 'exit');
  await once(loop.stdout, 'data');
  const seen: string[] = [];
  try {
    for (let i = 0; i < TRIES; i++) {
      const { status, stdout, stderr } = await scene.runtime([
        ...['run', '--bundle', bundle.path, newId()],
      ]);
      seen.push(status === 0 ? stdout : stderr.replace(/.*: /s, ''));
    }
  } finally {
    loop.kill('SIGKILL');
    await ended;
  }
  expect(seen.filter((text) => text === '/a\n/b\n' || text === '/b\n/a\n')).toEqual([]);
  const good = ['/a\n/a\n', '/b\n/b\n', 'stale file handle\n', 'no such file or directory\n'];
  expect(seen.filter((text) => !good.includes(text))).toEqual([]);
});
