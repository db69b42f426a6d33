/** An attacker that is the program of a container, while processes and other containers join it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';

import { setNamespace } from '../../support/inside.js';
import { stateOf } from '../../support/scene.js';
import type { Scene } from '../../support/scene.js';
import { COMMAND, newId } from '../../support/tsrun.js';
import type { Bundle } from '../../support/bundle.js';
import type { Spec } from '../../../src/spec/types.js';
import { compileAttacker } from './compile.js';

/** Whom the attacker waits for. */
export interface Attacked {
  /** The attacker's container. */
  id: string;
  /** A container in its pid namespace. */
  beside: Bundle;
}

/** @returns what the attacker printed until `during` had ended */
export async function attackDuring(
  scene: Scene,
  name: 'looker' | 'reacher' | 'writer',
  change: (spec: Spec) => void,
  during: (attacked: Attacked) => Promise<void>,
  furnish: (rootfs: string) => void = () => undefined,
): Promise<string> {
  const bundle = scene.bundle(`exec /${name}`, change);
  compileAttacker(name, bundle.rootfs);
  furnish(bundle.rootfs);
  const id = newId();
  const attacker = spawn(
    COMMAND[0] ?? '',
    [...COMMAND.slice(1), ...['--root', scene.runtime.root, 'run', '--bundle', bundle.path, id]],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = once(attacker, 'exit');
  let output = '';
  attacker.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(attacker.stdout, 'data');
  const { pid } = await stateOf(scene.runtime, id);
  const beside = scene.bundle('true', (spec) => {
    setNamespace(spec, 'pid', `/proc/${String(pid)}/ns/pid`);
  });
  furnish(beside.rootfs);
  try {
    await during({ id, beside });
  } finally {
    attacker.stdin.end('\n');
  }
  expect(await ended).toEqual([0, null]);
  return output;
}

/** Processes that join the attacker: so often as an `exec`, and as a container. */
export function joining(scene: Scene, times: number): (attacked: Attacked) => Promise<void> {
  return async ({ id, beside }) => {
    for (let i = 0; i < times; i++) {
      for (const command of [
        ['exec', id, 'true'],
        ['run', '--bundle', beside.path, newId()],
      ]) {
        const result = await scene.runtime(command, { stdio: ['ignore', 'pipe', 'pipe'] });
        expect(result).toMatchObject({ status: 0, stdout: '', stderr: '' });
      }
    }
  };
}
