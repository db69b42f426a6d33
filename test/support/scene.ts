/** What every test with real containers needs: a state root, bundles, and the proof that nothing is left. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { makeBundle } from './bundle.js';
import type { Bundle } from './bundle.js';
import { leftOf } from './left.js';
import { setSubreaper, waitFor } from './shim.js';
import { ID_PREFIX, makeRuntime, newId } from './tsrun.js';
import type { Result, RunOptions, Runtime } from './tsrun.js';

export interface Scene {
  /** The runtime on the state root of this test. */
  runtime: Runtime;
  /** A bundle that is removed after the test. */
  bundle(script: string, change?: (spec: Spec) => void): Bundle;
  /** `run` of a new container. */
  run(bundle: Bundle, options?: readonly string[], how?: RunOptions): Promise<Result>;
  /** `run` that must print nothing on stderr and exit with 0; what the program printed. */
  output(script: string, change?: (spec: Spec) => void): Promise<string>;
  /** A container that has started; `script` is its program. */
  started(script: string, change?: (spec: Spec) => void): Promise<Running>;
  /** A process that is to be reaped when the test has ended. */
  expectOrphan(pid: number): void;
}

export interface Running {
  id: string;
  pid: number;
  bundle: Bundle;
  /** Kills it, reaps it as a shim does, and deletes it. */
  remove(): Promise<void>;
}

/** For the top of a test file: a fresh scene before, a check and a clean-up after each test. */
export function useScene(): Scene {
  let runtime: Runtime;
  let bundles: Bundle[] = [];
  let orphans: number[] = [];
  const scene: Scene = {
    get runtime() {
      return runtime;
    },
    bundle: (script, change) => {
      const bundle = makeBundle(script, change);
      bundles.push(bundle);
      return bundle;
    },
    run: (bundle, options = [], how = {}) =>
      runtime(['run', '--bundle', bundle.path, ...options, newId()], how),
    output: async (script, change) => {
      const result = await scene.run(scene.bundle(script, change));
      expect(result).toMatchObject({ status: 0, stderr: '' });
      return result.stdout;
    },
    started: async (script, change) => {
      const bundle = scene.bundle(script, change);
      const id = newId();
      // The container keeps the descriptors: a pipe would never come to its end.
      const made = await runtime(
        ['--log', join(bundle.path, 'log'), 'create', '--bundle', bundle.path, id],
        { stdio: ['ignore', 'ignore', 'ignore'] },
      );
      expect(readFileSync(join(bundle.path, 'log'), 'utf8')).toBe('');
      expect(made.status).toBe(0);
      const pid = (await stateOf(runtime, id)).pid;
      orphans.push(pid);
      expect(await runtime(['start', id])).toMatchObject({ status: 0, stderr: '' });
      return {
        id,
        pid,
        bundle,
        remove: async () => {
          await runtime(['kill', id, 'KILL']);
          await waitFor(pid).catch(() => undefined);
          orphans = orphans.filter((orphan) => orphan !== pid);
          expect(await runtime(['delete', id])).toMatchObject({ status: 0, stderr: '' });
        },
      };
    },
    expectOrphan: (pid) => {
      orphans.push(pid);
    },
  };

  beforeEach(() => {
    setSubreaper(true);
    runtime = makeRuntime();
    bundles = [];
    orphans = [];
  });

  afterEach(async () => {
    const left = [
      ...leftOf({ id: ID_PREFIX, root: runtime.root, bundle: 'no bundle' }),
      ...bundles.flatMap(({ path }) => leftOf({ id: 'no id', root: '/nonexistent', bundle: path })),
    ];
    await runtime.clean();
    for (const pid of orphans) await waitFor(pid).catch(() => undefined);
    for (const bundle of bundles) bundle.remove();
    expect(left).toEqual([]);
  });
  return scene;
}

export interface StateJson {
  ociVersion: string;
  id: string;
  pid: number;
  status: string;
  bundle: string;
  rootfs: string;
  created: string;
  annotations: Record<string, string>;
  owner: string;
}

export async function stateOf(runtime: Runtime, id: string): Promise<StateJson> {
  const result = await runtime(['state', id]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(result.stdout) as StateJson;
}

/** `exec` of a shell script, which must say nothing on stderr: what it wrote. */
export async function execOutput(
  runtime: Runtime,
  id: string,
  options: readonly string[],
  script: string,
): Promise<string> {
  const result = await runtime(['exec', ...options, id, 'sh', '-c', script]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return result.stdout;
}

/** `name: value` lines, such as /proc/PID/status has. */
export function fieldsOf(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([^:]+):\s*(.*?)\s*$/.exec(line);
    if (match !== null) fields[match[1] ?? ''] = match[2] ?? '';
  }
  return fields;
}
