/** A foreground run is the subreaper of its container: what loses its parent there comes to it. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import type { Spec } from '../../src/spec/types.js';

const scene = useScene();

/** In the runtime's pid namespace, where no first process reaps. */
function hostPids(spec: Spec): void {
  if (spec.linux === undefined) return;
  spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
}

// The runtime's children, zombies among them, as the kernel lists them.
const CHILDREN = 'read -r kids < /proc/$PPID/task/$PPID/children';
const ORPHANS = 'i=0; while [ $i -lt 30 ]; do (true &); i=$((i+1)); done';
// As often as it takes, and for ever when they stay.
const GONE = `${CHILDREN}; while [ "$kids" != "$$ " ] && [ "$kids" != $$ ]; do ${CHILDREN}; done`;

test('orphans do not stay as zombies', { timeout: 20_000 }, async () => {
  const bundle = scene.bundle(`${ORPHANS}; ${GONE}; echo gone`, hostPids);
  const result = await scene.run(bundle, [], { prefix: ['timeout', '-s', 'KILL', '15'] });
  expect(result).toMatchObject({ status: 0, stdout: 'gone\n', stderr: '' });
});

test('hooks and the status of the program are not taken away by it', async () => {
  // Orphans end while each of the hooks runs.
  const hook = { path: '/bin/sh', args: ['sh', '-c', `${ORPHANS}; ${ORPHANS}; echo $0 >> $1`] };
  const bundle = scene.bundle(`${ORPHANS}; ${GONE}; ${ORPHANS}; exit 7`, hostPids);
  const log = `${bundle.path}/log`;
  const named = (name: string) => [{ ...hook, args: [...hook.args, name, log] }];
  bundle.spec.hooks = {
    createRuntime: named('createRuntime'),
    poststart: named('poststart'),
    poststop: named('poststop'),
  };
  bundle.write();
  const result = await scene.run(bundle, [], { prefix: ['timeout', '-s', 'KILL', '15'] });
  expect(result).toMatchObject({ status: 7, stderr: '' });
  expect(readFileSync(log, 'utf8')).toBe('createRuntime\npoststart\npoststop\n');
});
