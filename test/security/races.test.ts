/**
 * Rows 6, 7, 8, 9 and 16 of the checklist: paths that are exchanged while a
 * container is created. With the defence nothing lands outside in 10,000 tries;
 * with the defence compiled out the same attacker gets something outside within
 * as many, so that the race is one.
 */

import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { COMMAND } from '../support/tsrun.js';
import { OnceRace, makeNull } from './races/once.js';
import type { OnceKind } from './races/once.js';
import { ON_NODE, Race, buildUnsafe } from './races/support.js';
import type { Kind, Unsafe } from './races/support.js';

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

/** Directories whose paths together are longer than fsconfig(2) takes. */
const LAYERS = ['a', 'b'].map((letter) => letter.repeat(140));

const ADDON = join(import.meta.dirname, '../../native/build/Release/tsrun.node');

const ONCE_KINDS: readonly OnceKind[] = [
  {
    name: 'a console',
    step: 'console',
    place: '/dev',
    exchanged: ['console', 'link'],
    furnish: ({ volume, outside, rootfs }) => {
      for (const place of [outside, join(rootfs, outside)]) {
        writeFileSync(join(place, 'secret'), 'secret');
      }
      writeFileSync(join(volume, 'console'), '');
      symlinkSync(join(outside, 'secret'), join(volume, 'link'));
    },
    ask: ({ process }) => {
      if (process !== undefined) process.terminal = true;
    },
    // The root is not changed yet, so that the host's paths are those of the helper.
    landed: (pid, { rootfs, outside }) => {
      const mountinfo = readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8');
      const targets = [...mountinfo.matchAll(/^\S+ \S+ \S+ \/\d+ (\S+) .* - devpts /gm)]
        .map(([, target = '']) => target)
        .filter((target) => [rootfs, outside].some((place) => target.startsWith(`${place}/`)));
      expect(targets).toHaveLength(1);
      return targets[0]?.startsWith(outside) === true ? 'outside' : 'inside';
    },
  },
  {
    // A mask that shows what the attacker chose: CVE-2025-31133.
    name: 'the null device of a mask',
    step: 'mask',
    place: '/dev',
    exchanged: ['null', 'file'],
    furnish: ({ volume, rootfs }) => {
      makeNull(join(volume, 'null'));
      writeFileSync(join(volume, 'file'), 'of the attacker');
      writeFileSync(join(rootfs, 'secret'), 'secret');
    },
    ask: (spec) => (linux(spec).maskedPaths = ['/secret']),
    landed: (pid) => {
      const masked = statSync(`/proc/${String(pid)}/root/secret`);
      return masked.isCharacterDevice() && masked.rdev === 0x103 ? 'inside' : 'outside';
    },
  },
  {
    // With options that only mount(2) takes, after which the mount has to be looked for by name.
    name: 'a mount with long options',
    step: 'mount',
    place: '/vol',
    exchanged: ['d', 'link'],
    furnish: ({ volume, outside }) => {
      mkdirSync(join(volume, 'd'));
      symlinkSync('/dev/pts', join(volume, 'link'));
      for (const name of LAYERS) mkdirSync(join(outside, name));
    },
    ask: ({ mounts }, { outside }) =>
      mounts?.push({
        destination: '/vol/d',
        type: 'overlay',
        source: 'race',
        options: ['nosuid', `lowerdir=${LAYERS.map((name) => join(outside, name)).join(':')}`],
      }),
    landed: (pid) => {
      const mountinfo = readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8');
      const options = /^(?:\S+ ){5}(\S+) .*- overlay race /m.exec(mountinfo)?.[1];
      expect(options).toContain('rw');
      return options?.includes('nosuid') === true ? 'inside' : 'outside';
    },
  },
  {
    // The place that a link leads to is made by name, where `..` would be the directory's own.
    name: 'a directory behind a link with dots',
    step: 'mount',
    place: '/vol',
    exchanged: ['x', 'nowhere'],
    furnish: ({ volume }) => {
      mkdirSync(join(volume, 'x'));
      // Nothing can be made in there.
      symlinkSync('/dev/pts/none', join(volume, 'nowhere'));
      symlinkSync('/vol/x/../../../escaped', join(volume, 'climbs'));
    },
    ask: ({ mounts }) =>
      mounts?.push({ destination: '/vol/climbs/target', type: 'tmpfs', source: 'race' }),
    landed: (_pid, { rootfs }) => {
      // To be made anew. Another try may be at that.
      try {
        rmSync(join(rootfs, 'escaped'), { recursive: true, force: true });
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOTEMPTY');
      }
      return existsSync(join(rootfs, '../escaped')) ? 'outside' : 'inside';
    },
  },
  {
    // Another file would be given to the owner of the device.
    name: 'the owner of a device',
    step: 'device',
    place: '/vol',
    exchanged: ['node', 'file'],
    furnish: ({ volume }) => {
      makeNull(join(volume, 'node'));
      writeFileSync(join(volume, 'file'), 'of the host');
    },
    ask: (spec) =>
      (linux(spec).devices = [{ path: '/vol/node', type: 'c', major: 1, minor: 3, uid: 12345 }]),
    landed: (_pid, { volume }) => {
      const given = ['node', 'file'].map((name) => statSync(join(volume, name)));
      return given.some((stat) => stat.isFile() && stat.uid === 12345) ? 'outside' : 'inside';
    },
  },
];

/** scripts/test-executable.sh runs them. */
function needsExecutable(context: TestContext): void {
  if (ON_NODE)
    context.skip('runs on the executable, whose helper is the same and 50 times as quick');
}

describe('paths that are exchanged while a container is created', () => {
  let race: Race;
  let unsafe: Unsafe | undefined;

  beforeAll(() => {
    if (!ON_NODE) race = new Race();
  });

  afterAll(async () => {
    if (ON_NODE) return;
    unsafe?.remove();
    await race.remove();
  });

  for (const kind of KINDS) {
    test(`${kind.name} stays inside`, { timeout: 300_000, retry: 0 }, async (context) => {
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
        unsafe ??= buildUnsafe();
        const outcome = await race.run(kind, unsafe.command, TRIES);
        expect(outcome.outside).toBeGreaterThan(0);
      },
    );
  }

  describe.each(ONCE_KINDS)('$name', (kind) => {
    let once: OnceRace;

    beforeAll(() => {
      if (!ON_NODE) once = new OnceRace(kind);
    });

    afterAll(async () => {
      if (!ON_NODE) await once.remove();
    });

    test('stays inside, or is refused', { timeout: 300_000, retry: 0 }, async (context) => {
      needsExecutable(context);
      const { refused, ...outcome } = await once.run(ADDON, TRIES);
      expect(outcome).toEqual({ tries: TRIES, outside: 0 });
      // Both were there: it is a race.
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThan(TRIES);
    });

    test('lands outside without the defence', { timeout: 300_000 }, async (context) => {
      needsExecutable(context);
      unsafe ??= buildUnsafe();
      const outcome = await once.run(unsafe.addon, TRIES);
      expect(outcome.outside).toBeGreaterThan(0);
    });
  });
});
