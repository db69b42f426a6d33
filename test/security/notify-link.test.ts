/**
 * The container that may write to the directory of its notify socket (CAP_SYS_ADMIN takes the
 * read-only mount away) puts a link to a file of the host in the place of the socket, as soon as
 * `start` has made that: the file is not to become everybody's.
 */

import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

import { stateOf, useScene } from '../support/scene.js';
import { COMMAND, newId } from '../support/tsrun.js';
import { bindDatagram } from '../support/unix-socket.js';

const scene = useScene();
const QUIET = ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'];

/** As the container does, which sees the same directory: exchanges the socket once it is there. */
const EXCHANGE = `-e '
chdir $ARGV[0] or die $!; symlink($ARGV[1], "link") or die $!;
$| = 1; print "on\\n";
for (;;) { if (-S "notify.sock") { print((stat _)[2] & 0777, "\\n"); rename("link", "notify.sock") or die $!; exit } }'`;

test('a link in the place of the notify socket gives nothing of the host away', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const secret = join(bundle.path, 'secret');
  mkdirSync(join(bundle.path, 'out'));
  writeFileSync(secret, 'secret');
  chmodSync(secret, 0o600);
  const target = join(bundle.path, 'manager.sock');
  bindDatagram(target);
  const env = { ...process.env, NOTIFY_SOCKET: target };
  const id = newId();
  const create = ['create', '--bundle', bundle.path, id];
  expect((await scene.runtime(create, { stdio: QUIET, env })).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  const directory = join(scene.runtime.root, id, 'notify');
  const attacker = spawn('sh', ['-c', `exec perl ${EXCHANGE} "$0" "$1"`, directory, secret], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  attacker.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const attacked = once(attacker, 'exit');
  await once(attacker.stdout, 'data');
  // The attacker needs a moment: what made the socket waits for it.
  const trace = join(bundle.path, 'trace');
  const [file = '', ...args] = COMMAND;
  const start = spawn(
    'strace',
    [
      ...['-f', '-qq', '-o', trace, '-e', 'trace=bind', '-e', 'inject=bind:delay_exit=500000'],
      ...[file, ...args, '--root', scene.runtime.root, 'start', id],
    ],
    { env, stdio: 'ignore' },
  );
  const started = once(start, 'exit');
  await attacked;
  await scene.runtime(['kill', id, 'KILL']);
  await started;
  expect(readFileSync(trace, 'utf8')).toContain('notify.sock');
  expect(statSync(secret).mode & 0o777).toBe(0o600);
  // Whoever the program runs as may write to the socket, from the beginning.
  expect(said).toBe(`on\n${String(0o777)}\n`);
  await scene.runtime(['delete', '--force', id]);
});
