/** What tests of the library need: the API as dist/ has it, a state root, bundles, and the proof that nothing is left. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect } from 'vitest';

import type * as Api from '../../src/index.js';
import type { Spec } from '../../src/spec/types.js';
import { makeBundle } from './bundle.js';
import type { Bundle } from './bundle.js';
import { leftOf } from './left.js';
import { newId } from './tsrun.js';

export const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The package's main module, built. */
export const api = (await import(
  pathToFileURL(join(REPOSITORY, 'dist/index.js')).href
)) as typeof Api;

export interface LibraryScene {
  /** A directory of this test's. */
  work: string;
  /** State root below it. */
  root: string;
  id: string;
  /** A bundle that is removed after the test. */
  make(script: string, change?: (spec: Spec) => void): Bundle;
}

/** For the top of a test file. */
export function useLibrary(): LibraryScene {
  let bundles: Bundle[] = [];
  const scene: LibraryScene = {
    work: '',
    root: '',
    id: '',
    make: (script, change) => {
      const bundle = makeBundle(script, (spec) => {
        delete spec.process?.capabilities?.ambient;
        change?.(spec);
      });
      bundles.push(bundle);
      return bundle;
    },
  };

  beforeEach(() => {
    scene.work = mkdtempSync(join(tmpdir(), 'tsrun-library-'));
    scene.root = join(scene.work, 'state');
    scene.id = newId();
    bundles = [];
  });

  afterEach(async () => {
    const { root, id, work } = scene;
    for (const state of await api.listContainers({ root })) {
      await (await api.getContainer(state.id, { root })).delete({ force: true });
    }
    const left = bundles.flatMap((bundle) => leftOf({ id, root, bundle: bundle.path }));
    for (const bundle of bundles) bundle.remove();
    rmSync(work, { recursive: true });
    expect(left).toEqual([]);
  });
  return scene;
}

/** A container whose program does nothing until it gets a signal. */
export function sleeper(spec: Spec): void {
  if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
}

/** The code of a rejection; anything but a TsrunError fails. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (!(error instanceof api.TsrunError)) throw new Error('not a TsrunError', { cause: error });
  expect(error.message).not.toBe('');
  return error.code;
}
