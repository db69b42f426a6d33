/**
 * Rows 6, 7, 8 and 16 of the checklist: paths that are exchanged while a
 * container is created. With the defence nothing lands outside in 10,000 tries;
 * with the defence compiled out the same attacker gets something outside within
 * as many, so that the race is one.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { COMMAND } from '../support/tsrun.js';
import { ON_NODE, Race, buildUnsafe } from './races/support.js';
import type { Kind } from './races/support.js';

const TRIES = 10_000;

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function linux(spec: Spec): NonNullable<Spec['linux']> {
  return (spec.linux ??= {});
}

/** Mounts of a file, read-only, that show the file they lie on: both in the volume, or neither. */
function readOnlyItself(mountinfo: string): number {
  return mountinfo.split('\n').filter((line) => {
    const [, , , source = '', target = '', options = ''] = line.split(' ');
    return (
      target.endsWith('/secret') &&
      /^ro(,|$)/.test(options) &&
      target.startsWith('/vol/') === source.includes('/vol/')
    );
  }).length;
}

const KINDS: readonly Kind[] = [
  {
    name: 'a mount on a directory that is there',
    ask: ({ mounts }, directory) =>
      mounts?.push({ destination: `${directory}/x`, type: 'tmpfs', source: 'race' }),
    seen: (mountinfo) => count(mountinfo, / - tmpfs race /g),
  },
  {
    name: 'a mount on a file that is there',
    ask: ({ mounts }, directory) =>
      mounts?.push({
        destination: `${directory}/secret`,
        type: 'bind',
        source: '/dev/null',
        options: ['bind'],
      }),
    seen: (mountinfo) => count(mountinfo, /\/null \/\S*\/secret /g),
  },
  {
    name: 'a directory made for a mount',
    ask: ({ mounts }, directory, round) =>
      mounts?.push({
        destination: `${directory}/made-${String(round)}`,
        type: 'tmpfs',
        source: 'race',
      }),
    seen: (mountinfo) => count(mountinfo, / - tmpfs race /g),
  },
  {
    name: 'a file made for a mount',
    ask: ({ mounts }, directory, round) =>
      mounts?.push({
        destination: `${directory}/file-${String(round)}`,
        type: 'bind',
        source: '/dev/null',
        options: ['bind'],
      }),
    seen: (mountinfo) => count(mountinfo, /\/null \/\S*\/file-\d+ /g),
  },
  {
    name: 'a masked file',
    afterPivot: true,
    ask: (spec, directory) => (linux(spec).maskedPaths ??= []).push(`${directory}/secret`),
    seen: (mountinfo) => count(mountinfo, /\/null \/\S*\/secret /g),
  },
  {
    name: 'a masked directory',
    afterPivot: true,
    ask: (spec, directory) => (linux(spec).maskedPaths ??= []).push(`${directory}/x`),
    seen: (mountinfo) => count(mountinfo, /^(\S+ ){4}\/\S*\/x ro/gm),
  },
  {
    name: 'a read-only path',
    ask: (spec, directory) => (linux(spec).readonlyPaths ??= []).push(`${directory}/secret`),
    seen: readOnlyItself,
  },
  {
    name: 'a device',
    ask: (spec, directory, round) =>
      (linux(spec).devices ??= []).push({
        path: `${directory}/null-${String(round)}`,
        type: 'c',
        major: 1,
        minor: 3,
      }),
  },
];

/** scripts/test-executable.sh runs them. */
function needsExecutable(context: TestContext): void {
  if (ON_NODE)
    context.skip('runs on the executable, whose helper is the same and 50 times as quick');
}

describe('paths that are exchanged while a container is created', () => {
  let race: Race;
  let unsafe: ReturnType<typeof buildUnsafe>;

  beforeAll(() => {
    if (ON_NODE) return;
    unsafe = buildUnsafe();
    race = new Race();
  }, 300_000);

  afterAll(async () => {
    if (ON_NODE) return;
    unsafe.remove();
    await race.remove();
  });

  for (const kind of KINDS) {
    test(`${kind.name} stays inside`, { timeout: 300_000 }, async (context) => {
      needsExecutable(context);
      const outcome = await race.run(kind, COMMAND, TRIES);
      expect(outcome).toEqual({ tries: TRIES, outside: 0 });
    });
    // A mask is laid when the old root is gone: there is no outside left to land in.
    if (kind.afterPivot) continue;
    test(
      `${kind.name} lands outside without the defence`,
      { timeout: 300_000 },
      async (context) => {
        needsExecutable(context);
        const outcome = await race.run(kind, unsafe.command, TRIES);
        expect(outcome.outside).toBeGreaterThan(0);
      },
    );
  }
});
