/** Row 10 (CVE-2026-88265): streams that are missing, and a /dev/null of the image that leads elsewhere. */

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { linuxOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';
import { devVolume } from './attackers/dev.js';

const scene = useScene();

const NULL = 'character special file 1:3\n';

/** What a process has as its streams, into a file; and it uses them. */
const LOOK = `seen=$(stat -L -c '%F %t:%T' /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
  echo "$seen" >> /mnt/seen; cat >> /mnt/read; echo out; echo err >&2; true`;

/** Starts the runtime without its streams. */
const without = (...args: string[]): ReturnType<typeof runProgram> =>
  runProgram([
    ...['sh', '-c', 'exec "$0" "$@" <&- >&- 2>&-'],
    ...[...COMMAND, '--root', scene.runtime.root, ...args],
  ]);

test.each([
  ['a file', (path: string) => writeFileSync(path, 'from the image')],
  ['a link', (path: string) => symlinkSync('victim', path)],
])('are the null device of the host, where that of the image is %s', async (_, put) => {
  const place = scene.bundle('true').path;
  const [volume, out] = [join(place, 'volume'), join(place, 'out')];
  for (const path of [volume, out]) mkdirSync(path);
  writeFileSync(join(volume, 'victim'), 'from the image');
  put(join(volume, 'null'));
  const change = (spec: Spec): void => {
    devVolume(spec, volume);
    linuxOf(spec).maskedPaths = [];
    spec.mounts?.push({ destination: '/mnt', source: out, options: ['bind'] });
  };

  const { path } = scene.bundle(LOOK, change);
  expect((await without('run', '--bundle', path, newId())).status).toBe(0);
  const running = await scene.started('exec sleep 1000', change);
  expect((await without('exec', running.id, 'sh', '-c', LOOK)).status).toBe(0);
  await running.remove();

  expect(readFileSync(join(out, 'seen'), 'utf8')).toBe(NULL.repeat(6));
  expect(readFileSync(join(out, 'read'), 'utf8')).toBe('');
  for (const name of ['null', 'victim']) {
    expect(readFileSync(join(volume, name), 'utf8')).toBe('from the image');
  }
});
