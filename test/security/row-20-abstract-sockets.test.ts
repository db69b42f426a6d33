/**
 * Row 20 (CVE-2020-15257): a socket without a path can be reached by whoever is
 * in the same network namespace, a container with the host's network too.
 */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { dropNamespace } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { bindDatagram } from '../support/unix-socket.js';
import { call } from '../support/libc.js';

const scene = useScene();

/** Names of /proc/net/unix (proc_net(5)); those of abstract sockets begin with `@`. */
function names(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[7] ?? '')
    .filter((name) => name !== '' && name !== 'Path');
}

test('a container on the network of the host sees no socket of the runtime but those with a path', async () => {
  const notify = join(scene.bundle('true').path, 'notify');
  const socket = bindDatagram(notify);
  const bundle = scene.bundle('cat /proc/net/unix', (spec) => dropNamespace(spec, 'network'));
  // The runtime waits beside the container here, with all its sockets open.
  const root = join(bundle.path, 'made/state');
  const run = ['--root', root, 'run', '--bundle', bundle.path, newId()];
  const result = await scene.runtime(run, {
    env: { ...process.env, NOTIFY_SOCKET: notify },
    // The host's network for these two, where nobody else makes sockets.
    prefix: ['unshare', '--net'],
  });
  call('close', socket);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const during = names(result.stdout);
  expect(during.filter((name) => name.startsWith('@'))).toEqual([]);
  // The one for the container's messages is there, where nobody else gets.
  expect(during.filter((name) => name === 'notify.sock')).toHaveLength(1);
  expect(statSync(root).mode & 0o77).toBe(0);
});
