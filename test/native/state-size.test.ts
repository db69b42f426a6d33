/** A state that has become too large for one reader would hide its container from all. */

import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { api, sleeper, useLibrary } from '../support/library.js';
import { leftOf } from '../support/left.js';
import { COMMAND, runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useLibrary();

function tsrun(...args: string[]): Promise<Result> {
  return runProgram([...COMMAND, '--root', scene.root, ...args]);
}

test('one above 16 MiB is refused when the container is created', async () => {
  const { root, id } = scene;
  const bundle = scene.make('true');
  const annotations = { 'org.example': 'ä'.repeat(8 << 20) };
  const spec = { ...(await api.loadBundle(bundle.path)).spec, annotations };
  const made = api.createContainer({ root, id, bundle: bundle.path, spec, stdio: 'ignore' });
  await expect(made).rejects.toMatchObject({
    code: 'ERR_STATE',
    message: expect.stringMatching(
      /^cannot write \S+state\.json: the state would be larger than 16 MiB$/,
    ) as string,
  });
  expect(leftOf({ id, root, bundle: bundle.path })).toEqual([]);
});

test('one that is above 16 MiB all the same is listed, and can be removed', async () => {
  const { root, id } = scene;
  const bundle = scene.make('true', sleeper);
  const log = join(scene.work, 'log');
  const run = [...COMMAND, '--root', root, 'run', '--detach', '--bundle', bundle.path, id];
  const started = await runProgram(['sh', '-c', '"$@" </dev/null >/dev/null 2>&1', 'sh', ...run]);
  expect(started).toMatchObject({ status: 0 });
  appendFileSync(join(root, id, 'state.json'), `{"other":"${'x'.repeat(17 << 20)}"}\n`);
  writeFileSync(log, '');
  const listed = await tsrun('--log', log, 'list', '--format', 'json');
  expect(JSON.parse(listed.stdout)).toMatchObject([{ id, status: 'unknown' }]);
  expect((await tsrun('kill', id, 'KILL')).stderr).toMatch(/file too large\n$/);
  expect((await tsrun('delete', id)).stderr).toMatch(/that is not stopped: running\n$/);
  expect(await tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
  expect(leftOf({ id, root, bundle: bundle.path })).toEqual([]);
});
