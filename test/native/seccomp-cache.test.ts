/** Compiled filters that are kept: when they are used, and when they are not. */

import {
  chmodSync,
  chownSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { LinuxSeccomp } from '../../src/spec/types.js';
import { useCalls } from '../support/calls.js';
import { allowing, deny, filterWith } from '../support/filters.js';
import { useContainers } from '../support/inside.js';

const lab = useContainers();
const filter = filterWith(useCalls());

const NO_MKDIR = allowing(deny('mkdir', 'mkdirat'));

test('a compiled program is used again, unless others could have changed it', async () => {
  const runtime = lab.runtime();
  const cache = join(runtime.root, '@seccomp');
  const entries = (): string[] => readdirSync(cache).sort();
  const mkdir = async (seccomp: LinuxSeccomp): Promise<string> => {
    const { stderr } = await lab.run('mkdir /dev/shm/x', filter(seccomp));
    return stderr;
  };
  await mkdir(NO_MKDIR);
  const [first = ''] = entries();
  expect(statSync(join(cache, first)).mode & 0o777).toBe(0o600);
  expect(await mkdir(allowing(deny('mknod')))).toBe('');
  const second = entries().find((name) => name !== first) ?? '';

  // Nothing is compiled: what has the name is loaded.
  renameSync(join(cache, second), join(cache, first));
  expect(await mkdir(NO_MKDIR)).toBe('');

  const denied = 'Cannot assign requested address';
  chmodSync(join(cache, first), 0o620);
  expect(await mkdir(NO_MKDIR)).toContain(denied);
  await mkdir(allowing(deny('mknod')));
  const other = entries().find((name) => name !== first) ?? '';
  renameSync(join(cache, other), join(cache, first));
  chmodSync(cache, 0o770);
  expect(await mkdir(NO_MKDIR)).toContain(denied);
  chmodSync(cache, 0o700);
  // And is again when all is as it should be.
  expect(await mkdir(NO_MKDIR)).toBe('');
});

test('an entry that was tampered with is not used, nor one that is a link or of another', async () => {
  const cache = join(lab.runtime().root, '@seccomp');
  const denied = async (): Promise<boolean> => {
    const { stderr } = await lab.run('mkdir /dev/shm/x', filter(NO_MKDIR));
    return stderr.includes('Cannot assign requested address');
  };
  await lab.run('true', filter(allowing(deny('mknod'))));
  const [harmless = ''] = readdirSync(cache);
  expect(await denied()).toBe(true);
  const entry = join(cache, readdirSync(cache).find((name) => name !== harmless) ?? '');
  const whole = readFileSync(entry);

  // The program of the other entry below the digest of this one.
  const other = readFileSync(join(cache, harmless));
  writeFileSync(entry, Buffer.concat([whole.subarray(0, 64), other.subarray(64)]));
  expect(await denied()).toBe(true);
  // It has been made again.
  expect(readFileSync(entry)).toEqual(whole);

  renameSync(join(cache, harmless), join(cache, 'elsewhere'));
  rmSync(entry);
  symlinkSync('elsewhere', entry);
  expect(await denied()).toBe(true);

  writeFileSync(join(cache, 'elsewhere'), other, { mode: 0o600 });
  renameSync(join(cache, 'elsewhere'), entry);
  chownSync(entry, 1000, 1000);
  expect(await denied()).toBe(true);
  // What all of this was about: with its owner the same entry is used.
  writeFileSync(entry, other);
  chownSync(entry, 0, 0);
  expect(await denied()).toBe(false);
});

test('the cache has a most of entries', async () => {
  const cache = join(lab.runtime().root, '@seccomp');
  await lab.run('true', filter(allowing(deny('mknod'))));
  for (let i = 0; i < 80; i++) writeFileSync(join(cache, `z${String(i)}`), '', { mode: 0o600 });
  const before = readdirSync(cache);
  expect((await lab.run('mkdir /dev/shm/x', filter(NO_MKDIR))).stderr).not.toBe('');
  const after = readdirSync(cache);
  expect(after).toHaveLength(64);
  // The new one is among them.
  expect(after.filter((name) => !before.includes(name))).toHaveLength(1);
});
