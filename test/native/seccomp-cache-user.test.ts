/** The cache of filters of an ordinary user, below $XDG_RUNTIME_DIR. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  lstatSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { LinuxSeccomp } from '../../src/spec/types.js';
import { makeBundle } from '../support/bundle.js';
import type { Bundle } from '../support/bundle.js';
import { allowing, deny } from '../support/filters.js';
import { COMMAND, newId } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';

const SOMEBODY = 40_000;

let user: User;
let strict: Bundle;
let lax: Bundle;
/** $XDG_RUNTIME_DIR/tsrun, its cache, and the entry there of the strict profile. */
let root: string;
let cache: string;
let entry: string;
/** What an entry of the lax profile is: where it is used for the strict one, that shows. */
let harmless: Buffer;

function bundleWith(seccomp: LinuxSeccomp): Bundle {
  const bundle = makeBundle('mkdir /dev/shm/x 2>&1; echo ran', (spec) => {
    delete spec.process?.capabilities?.ambient;
    const linux = (spec.linux ??= {});
    linux.seccomp = seccomp;
    linux.namespaces = [...(linux.namespaces ?? []), { type: 'user' }];
    linux.uidMappings = [{ containerID: 0, hostID: UID, size: 1 }];
    linux.gidMappings = [{ containerID: 0, hostID: UID, size: 1 }];
    const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
    if (pts?.options !== undefined) {
      pts.options = pts.options.filter((option) => !option.startsWith('gid='));
    }
  });
  user.give(bundle.path);
  return bundle;
}

/** Whether the filter that the profile stands for was loaded, by a start that works in any case. */
async function filtered(bundle: Bundle, prefix: string[] = []): Promise<boolean> {
  const command = ['run', '--bundle', bundle.path, newId()];
  const { status, stdout, stderr } = await user.run([...prefix, ...COMMAND, ...command]);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/ran\n$/);
  return stdout.includes('Cannot assign requested address');
}

/** The harmless program below the name of the strict profile's. */
function plant(): void {
  rmSync(entry, { recursive: true, force: true });
  writeFileSync(entry, harmless, { mode: 0o600 });
  chownSync(entry, UID, UID);
}

beforeAll(async () => {
  user = makeUser();
  root = join(user.runtimeDirectory, 'tsrun');
  cache = join(root, '@seccomp');
  strict = bundleWith(allowing(deny('mkdir', 'mkdirat')));
  lax = bundleWith(allowing(deny('acct')));
  expect(await filtered(lax)).toBe(false);
  const [other = ''] = readdirSync(cache);
  harmless = readFileSync(join(cache, other));
  rmSync(join(cache, other));
  expect(await filtered(strict)).toBe(true);
  const [name = ''] = readdirSync(cache);
  entry = join(cache, name);
});

afterAll(() => {
  for (const bundle of [strict, lax]) bundle.remove();
  user.remove();
});

test('the first start makes it, for its owner alone, and the second compiles nothing', async () => {
  rmSync(cache, { recursive: true });
  expect(await filtered(strict)).toBe(true);
  expect(readdirSync(cache)).toEqual([entry.slice(cache.length + 1)]);
  const modes = [root, cache, entry].map((path) => {
    const { mode, uid, gid } = lstatSync(path);
    return [(mode & 0o7777).toString(8), uid, gid];
  });
  expect(modes).toEqual([
    ['700', UID, UID],
    ['700', UID, UID],
    ['600', UID, UID],
  ]);
  // What is loaded is what has the name.
  plant();
  expect(await filtered(strict)).toBe(false);
});

/** What makes an entry one that must not be used. */
const ENTRIES: [string, () => void][] = [
  [
    'damaged',
    () => {
      const changed = Buffer.from(harmless);
      changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
      writeFileSync(entry, changed);
    },
  ],
  ['truncated', () => truncateSync(entry, harmless.length - 8)],
  ['no more than its digest', () => truncateSync(entry, 64)],
  ['empty', () => truncateSync(entry, 0)],
  ['longer', () => writeFileSync(entry, Buffer.alloc(8), { flag: 'a' })],
  ['writable by the group', () => chmodSync(entry, 0o620)],
  ['writable by all', () => chmodSync(entry, 0o602)],
  ['of somebody else', () => chownSync(entry, SOMEBODY, SOMEBODY)],
  ['of root', () => chownSync(entry, 0, 0)],
  [
    'a link',
    () => {
      renameSync(entry, `${entry}.elsewhere`);
      symlinkSync(`${entry}.elsewhere`, entry);
    },
  ],
  [
    'another name of the file of somebody else',
    () => {
      const file = join(dirname(user.runtimeDirectory), 'theirs');
      writeFileSync(file, harmless, { mode: 0o644 });
      chownSync(file, SOMEBODY, SOMEBODY);
      rmSync(entry);
      linkSync(file, entry);
      rmSync(file);
    },
  ],
  [
    'a fifo',
    () => {
      rmSync(entry);
      execFileSync('mkfifo', [entry]);
      chownSync(entry, UID, UID);
    },
  ],
];

test.each(ENTRIES)('an entry that is %s is not used, and made again', async (_name, spoil) => {
  plant();
  spoil();
  expect(await filtered(strict)).toBe(true);
  const { mode, uid } = lstatSync(entry);
  expect([(mode & 0o7777).toString(8), uid]).toEqual(['600', UID]);
  expect(readFileSync(entry).length).not.toBe(harmless.length);
  rmSync(`${entry}.elsewhere`, { force: true });
});

test('an entry with more names is used, as those of containers are', async () => {
  plant();
  linkSync(entry, join(root, 'other-name'));
  expect(await filtered(strict)).toBe(false);
  rmSync(join(root, 'other-name'));
});

const above = (): string => dirname(user.runtimeDirectory);

/** What makes a place one whose entries must not be used, and what takes that back. */
const PLACES: [string, () => string, (path: string) => void, (path: string) => void][] = [
  ['the cache is writable by the group', () => cache, mode(0o770), mode(0o700)],
  ['the cache is writable by all', () => cache, mode(0o1777), mode(0o700)],
  ['the cache is of somebody else', () => cache, owner(SOMEBODY, 0o755), owner(UID, 0o700)],
  ['the cache is of root', () => cache, owner(0, 0o755), owner(UID, 0o700)],
  [
    'the cache is a link',
    () => cache,
    (path) => {
      renameSync(path, `${path}-real`);
      symlinkSync(`${path}-real`, path);
    },
    (path) => {
      rmSync(path);
      renameSync(`${path}-real`, path);
    },
  ],
];

function mode(bits: number): (path: string) => void {
  return (path) => {
    chmodSync(path, bits);
  };
}

function owner(uid: number, bits: number): (path: string) => void {
  return (path) => {
    chownSync(path, uid, uid);
    chmodSync(path, bits);
  };
}

test.each(PLACES)('where %s nothing is used', async (_name, place, spoil, mend) => {
  plant();
  const path = place();
  spoil(path);
  try {
    expect(await filtered(strict)).toBe(true);
  } finally {
    mend(path);
  }
  // It was that and nothing else.
  expect(await filtered(strict)).toBe(false);
});

test('below a sticky directory of root that all may write to it is used', async () => {
  plant();
  chmodSync(above(), 0o1777);
  expect(await filtered(strict)).toBe(false);
  chmodSync(above(), 0o755);
});

test('a runtime directory by a link of root’s is that where it leads', async () => {
  const link = join(above(), 'link');
  const linked = (): Promise<boolean> => filtered(strict, ['env', `XDG_RUNTIME_DIR=${link}`]);
  plant();
  symlinkSync(user.runtimeDirectory, link);
  expect(await linked()).toBe(false);
  rmSync(link);
});

test('whoever is killed before the entry has its name leaves nothing that is used', async () => {
  rmSync(entry, { force: true });
  const before = readdirSync(cache);
  const kill = ['strace', '--follow-forks', '--output=/dev/null'];
  // The first file that gets its name so is the entry, which what is left shows.
  const inject = ['--inject=rename,renameat,renameat2:error=EIO:signal=KILL:when=1', '--'];
  const command = ['run', '--bundle', strict.path, newId()];
  const killed = await user.run([...kill, ...inject, ...COMMAND, ...command]);
  expect([killed.signal, killed.stdout]).toEqual(['SIGKILL', '']);
  // It was written already, under another name.
  const [left = '', ...others] = readdirSync(cache).filter((name) => !before.includes(name));
  expect(others).toEqual([]);
  expect(left.startsWith(`${entry.slice(cache.length + 1)}.`)).toBe(true);
  expect(await filtered(strict)).toBe(true);
  expect(readFileSync(entry).length).toBeGreaterThan(64);
  rmSync(join(cache, left), { force: true });
  for (const id of readdirSync(root).filter((name) => name !== '@seccomp')) {
    await user.tsrun(['delete', '--force', id]);
  }
});

test('starts at the same time with nothing there all have the filter, and leave one entry', async () => {
  rmSync(cache, { recursive: true });
  const all = await Promise.all(Array.from({ length: 4 }, () => filtered(strict)));
  expect(all).toEqual([true, true, true, true]);
  expect(readdirSync(cache)).toEqual([entry.slice(cache.length + 1)]);
});

test('a full cache makes room, and no more than 64 stay', async () => {
  const fill = readdirSync(cache);
  for (let i = fill.length; i < 80; i++) {
    copyFileSync(entry, join(cache, `z${i.toString()}`));
    chownSync(join(cache, `z${i.toString()}`), UID, UID);
  }
  rmSync(entry);
  expect(await filtered(strict)).toBe(true);
  expect(readdirSync(cache)).toHaveLength(64);
  plant();
  expect(await filtered(strict)).toBe(false);
});
