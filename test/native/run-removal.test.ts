/** `run` has the status of its program, and leaves nothing or says what, whichever call fails at its end. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { buildInjector, inject } from '../support/inject.js';
import { useScene } from '../support/scene.js';
import { COMMAND, newId } from '../support/tsrun.js';

const scene = useScene();

/** From the end of the program on. */
const LAST = 30;

test.skipIf(COMMAND.length > 1)(
  'one fault at its end changes no status',
  { timeout: 60_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tsrun-run-removal-'));
    const injector = buildInjector(directory);
    const { path } = scene.bundle('exit 7');
    const file = join(directory, 'stderr');
    const attempt = (fault: { mode: 'count' } | { mode: 'fail'; call: number; errno: string }) => {
      const id = newId();
      const stderr = openSync(file, 'w');
      const run = [...COMMAND, '--root', scene.runtime.root, 'run', '--bundle', path, id];
      const report = inject(injector, { target: 'runtime', timeout: 20_000, ...fault }, run, [
        stderr,
        stderr,
      ]);
      closeSync(stderr);
      return { id, said: readFileSync(file, 'utf8'), ...report };
    };
    const { names } = attempt({ mode: 'count' });
    for (let call = names.length - LAST; call < names.length; call++) {
      const { id, status, injected, said } = attempt({ mode: 'fail', call, errno: 'ENOMEM' });
      const what = `${String(injected)} (${call.toString()}): ${said}`;
      expect(status, what).toBe(7);
      if (scene.runtime.leftover().includes(id)) {
        expect(said, what).toMatch(/has ended, and is left/);
        expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0 });
      }
    }
    rmSync(directory, { recursive: true });
  },
);
