/** Row G: whose session keyring a container has. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

import { linuxOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { COMMAND, newId } from '../support/tsrun.js';
import { compileAttacker } from './attackers/compile.js';

const scene = useScene();

/** A container that shows all keys that the kernel lets it see. */
function withKeyring(script: string): string {
  const bundle = scene.bundle(script, (spec) => {
    linuxOf(spec).maskedPaths = [];
  });
  compileAttacker('keyring', bundle.rootfs);
  return bundle.path;
}

test('it is its own, whatever another container of the same user has made before', async () => {
  const id = newId();
  const attack = spawn(
    COMMAND[0] ?? '',
    [
      ...[...COMMAND.slice(1), '--root', scene.runtime.root],
      ...['run', '--bundle', withKeyring(`exec /keyring _ses.${id}`), newId()],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = once(attack, 'exit');
  const [foreign] = (await once(attack.stdout, 'data')) as [Buffer];
  const bundle = withKeyring('/keyring');
  const result = await scene.runtime(['run', '--bundle', bundle, id]);
  attack.stdin.end();
  expect(await ended).toEqual([0, null]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(foreign.toString()).toMatch(/^\d+\n$/);
  expect(result.stdout).toMatch(/^\d+\n$/);
  expect(result.stdout).not.toBe(foreign.toString());
});

test('exec joins it, and another container of the same user neither finds nor joins it', async () => {
  const { id, bundle, remove } = await scene.started('exec sleep 1000', (spec) => {
    linuxOf(spec).maskedPaths = [];
  });
  compileAttacker('keyring', bundle.rootfs);
  const own = await scene.runtime(['exec', id, '/keyring']);
  const again = await scene.runtime(['exec', id, '/keyring']);
  expect(own).toMatchObject({ status: 0, stderr: '' });
  expect(again.stdout).toBe(own.stdout);
  // The one who has it sees it.
  const seen = await scene.runtime(['exec', id, 'cat', '/proc/keys']);
  expect(seen.stdout).toContain(`_ses.${id}`);

  const attack = withKeyring(`/keyring _ses.${id}; cat /proc/keys`);
  const result = await scene.runtime(['run', '--bundle', attack, newId()], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const [joined, ...keys] = result.stdout.split('\n');
  expect(joined).toMatch(/^\d+$/);
  expect(joined).not.toBe(own.stdout.trim());
  // Its serial number is what /proc/keys has first, in hexadecimal.
  const serial = Number(own.stdout).toString(16).padStart(8, '0');
  expect(keys.filter((key) => key.startsWith(serial))).toEqual([]);
  await remove();
});
