/** Entries of the cache of compiled filters: any bytes in them, and any directory around them. */

import fc from 'fast-check';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { ENOENT, EBADMSG, S_IFDIR, S_IFREG } from '../../src/native/constants.js';
import type { TsrunError } from '../../src/errors.js';
import type { Native } from '../../src/native/types.js';
import type * as Cache from '../../src/seccomp/cache.js';
import type * as Root from '../../src/state/root.js';
import type { StateRoot } from '../../src/state/root.js';
import { fuzz } from './support/property.js';

interface Modules {
  cache: typeof Cache;
  state: typeof Root;
}

const INSTRUCTION = 8;
const MOST = 4096;
const EIO = 5;
const OURS = 1000;
const UNMAPPED = 65534;

const digest = (data: Uint8Array): string => createHash('blake2s256').update(data).digest('hex');

const program = fc.oneof(
  {
    arbitrary: fc
      .integer({ min: INSTRUCTION, max: 6 * INSTRUCTION })
      .map((size) => size - (size % INSTRUCTION))
      .chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
    weight: 4,
  },
  // As many instructions as there can be, one more, and none.
  {
    arbitrary: fc
      .constantFrom(MOST, MOST + 1, 0)
      .map((count) => new Uint8Array(count * INSTRUCTION).fill(7)),
    weight: 1,
  },
);

/** What became of a file: bits that changed, cut off, something behind it, something else. */
type Damage = (data: Uint8Array) => Uint8Array;
const share = fc.double({ min: 0, max: 1, noNaN: true });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc
    .array(fc.tuple(share, fc.nat(7)), { minLength: 1, maxLength: 3 })
    .map((flips): Damage => (data) => {
      const changed = data.slice();
      for (const [at, bit] of flips) {
        const place = Math.min(Math.floor(at * data.length), data.length - 1);
        changed[place] = (changed[place] ?? 0) ^ (1 << bit);
      }
      return changed;
    }),
  share.map(
    (at): Damage =>
      (data) =>
        data.slice(0, Math.floor(at * data.length)),
  ),
  // A whole instruction, or anything.
  fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constant(new Uint8Array(8))).map(
    (more): Damage =>
      (data) =>
        Uint8Array.of(...data.subarray(0, 200), ...more, ...data.subarray(200)),
  ),
  fc.uint8Array({ maxLength: 200 }).map(
    (other): Damage =>
      () =>
        other,
  ),
  // The digest of another program.
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map(
    (other): Damage =>
      (data) =>
        Uint8Array.of(...Buffer.from(digest(other)), ...data.subarray(64)),
  ),
);

const owner = fc.constantFrom(0, 0, 0, OURS, 7, UNMAPPED);
const mode = fc.oneof(
  { arbitrary: fc.constantFrom(0o755, 0o700, 0o1777), weight: 8 },
  { arbitrary: fc.constantFrom(0o775, 0o757, 0o777, 0o1775), weight: 1 },
);
const kind = fc.oneof(
  { arbitrary: fc.constant(S_IFDIR), weight: 12 },
  { arbitrary: fc.constantFrom(S_IFREG, 0o120000), weight: 1 },
);
const node = fc.record({ owner, mode, kind });
interface Node {
  owner: number;
  mode: number;
  kind: number;
}

/** Of `path` and what is above it. */
const above = (path: string): string[] =>
  path === '/' ? ['/'] : [...above(path.slice(0, path.lastIndexOf('/')) || '/'), path];

fuzz({
  name: 'seccomp cache',
  modules: { cache: 'src/seccomp/cache.ts', state: 'src/state/root.ts' },
  covers: ['src/seccomp/cache.ts', 'src/state/safe-path.ts'],
  plant: {
    file: 'src/seccomp/cache.ts',
    from: 'for (let i = 0; i < DIGEST_LENGTH; i++) {\n    if (data[i] !==',
    to: 'for (let i = 1; i < DIGEST_LENGTH; i++) {\n    if (data[i] !==',
  },
  runs: 1500,
  property: ({ cache, state }: Modules) => {
    /** Files in memory, each with its owner and mode. */
    const system = (
      files: Map<string, Uint8Array>,
      nodes: ReadonlyMap<string, Node> = new Map<string, Node>(),
      isInitial = true,
    ): Native => {
      const fds = new Map<number, string>();
      const opened = (path: string): number => {
        fds.set(fds.size + 3, path);
        return fds.size + 2;
      };
      const at = (fd: number, name: string): string =>
        fds.get(fd) === '/' ? `/${name}` : `${fds.get(fd) ?? ''}/${name}`;
      const stat = (path: string): unknown => {
        const found = nodes.get(path);
        if (found !== undefined) return statOf(found);
        if (!files.has(path)) return -ENOENT;
        const isDirectory = path.endsWith('@seccomp');
        return statOf({
          ...{ owner: OURS, mode: 0o600, kind: isDirectory ? S_IFDIR : S_IFREG },
        });
      };
      const statOf = ({ owner: uid, mode: bits, kind: type }: Node): unknown => ({
        ...{ uid, mode: type | bits },
      });
      return {
        digest,
        getpid: () => 9,
        getuid: () => [OURS, OURS, OURS],
        stat: () => ({ ino: isInitial ? 0xeffffffdn : 1n }),
        fstat: (fd: number) => stat(fds.get(fd) ?? ''),
        fstatAt: (fd: number, name: string) => stat(at(fd, name)),
        strerror: () => 'no',
        mkdirAt: (fd: number, name: string) => {
          files.set(at(fd, name), new Uint8Array());
          return 0;
        },
        names: (fd: number) =>
          [...files.keys()]
            .filter((path) => path.startsWith(`${fds.get(fd) ?? ''}/`))
            .map((path) => Buffer.from(path.slice((fds.get(fd) ?? '').length + 1))),
        unlinkAt: (fd: number, name: string | Uint8Array) =>
          files.delete(at(fd, Buffer.from(name).toString())) ? 0 : -ENOENT,
        renameAt: (fd: number, from: string, _: number, to: string) => {
          files.set(at(fd, to), files.get(at(fd, from)) ?? new Uint8Array());
          files.delete(at(fd, from));
          return 0;
        },
        open: (path: string) => opened(path),
        openat: (fd: number, name: string, flags: number) => {
          const path = at(fd, name);
          if ((flags & 3) === 0 && !files.has(path) && !nodes.has(path)) return -ENOENT;
          if ((flags & 3) !== 0) files.set(path, new Uint8Array());
          return opened(path);
        },
        readlinkAt: () => (isInitial ? -EIO : '/none'),
        read: (fd: number, max: number) => files.get(fds.get(fd) ?? '')?.slice(0, max) ?? -EIO,
        write: (fd: number, data: Uint8Array) => {
          files.set(fds.get(fd) ?? '', data.slice());
          return data.length;
        },
        close: () => 0,
      } as unknown as Native;
    };

    const checkEntry = (made: Uint8Array, change: Damage, entryNode: Node, count: number): void => {
      const files = new Map<string, Uint8Array>(
        Array.from({ length: count }, (_, i) => [`/c/${i}`, new Uint8Array()] as const),
      );
      const native = system(files);
      const c = native.open('/c', 0, 0);
      assert(cache.keepProgram(native, c, 'entry', made));
      assert(files.has('/c/entry') && files.size <= 64);
      const isProgram = made.length > 0 && made.length <= MOST * INSTRUCTION;
      assert.deepEqual(cache.readEntry(native, c, 'entry'), isProgram ? made : -EBADMSG);
      assert.deepEqual(cache.findProgram(native, c, 'entry'), isProgram ? made : undefined);

      // Refused, unless a change has undone itself.
      const whole = files.get('/c/entry') ?? new Uint8Array();
      const damaged = change(whole);
      files.set('/c/entry', damaged);
      const isSame = Buffer.compare(whole, damaged) === 0;
      assert.deepEqual(cache.readEntry(native, c, 'entry'), isSame && isProgram ? made : -EBADMSG);
      assert.equal(cache.readEntry(native, c, 'none'), -ENOENT);
      assert.equal(cache.findProgram(native, c, 'none'), undefined);

      // Of somebody else, for others to write, or no file.
      files.set('/c/entry', whole);
      const other = system(files, new Map([['/c/entry', entryNode]]));
      const isOurs =
        entryNode.kind === S_IFREG && entryNode.owner === OURS && (entryNode.mode & 0o22) === 0;
      assert.deepEqual(
        cache.findProgram(other, other.open('/c', 0, 0), 'entry'),
        isOurs && isProgram ? made : undefined,
      );
    };

    const checkDirectory = (
      path: string,
      nodes: readonly Node[],
      own: Node | undefined,
      isInitial: boolean,
    ): void => {
      const paths = above(path);
      const tree = new Map(paths.map((one, index) => [one, { ...(nodes[index] as Node) }]));
      (tree.get('/') as Node).kind = S_IFDIR;
      const isSafe = paths.every((one) => {
        const { owner: uid, mode: bits, kind: type } = tree.get(one) as Node;
        if (type !== S_IFDIR) return false;
        if ((bits & 0o22) !== 0 && (bits & 0o1000) === 0) return false;
        if (uid === 0 || uid === OURS) return true;
        const isSystems = ['/', '/run', '/run/user', '/tmp', '/var'].includes(one);
        return uid === UNMAPPED && !isInitial && isSystems;
      });
      const directory = `${path === '/' ? '/' : path}/@seccomp`;
      if (own !== undefined) tree.set(directory, own);
      const isOwn =
        own === undefined ||
        (own.kind === S_IFDIR && own.owner === OURS && (own.mode & 0o22) === 0);
      const native = system(new Map(), tree, isInitial);
      const open = (): StateRoot => state.StateRoot.open(native, path);
      // A link is none of its parts here, and leads to what is not there.
      const isLink = paths.some((one) => (tree.get(one) as Node).kind === 0o120000);
      if (isLink) {
        try {
          assert.equal(open().fd, -ENOENT);
        } catch (error) {
          assert.equal((error as TsrunError).code, 'ERR_STATE');
        }
        return;
      }
      if (!isSafe) {
        assert.throws(open, { code: 'ERR_STATE' });
        return;
      }
      assert.equal(cache.openCache(native, open()) !== undefined, isOwn);
      assert.equal(state.StateRoot.open(native, `${path}/none`).fd, -ENOENT);
    };

    return fc.property(
      ...[program, damage, fc.record({ owner, mode, kind: fc.constantFrom(S_IFREG, S_IFDIR) })],
      fc.constantFrom(0, 3, 63, 64, 70),
      fc.constantFrom('/run', '/run/user/of-somebody/tsrun', '/tmp/x', '/var/x/y'),
      fc.array(node, { minLength: 5, maxLength: 5 }),
      fc.option(node, { nil: undefined }),
      fc.boolean(),
      (made, change, entryNode, count, path, nodes, own, isInitial) => {
        checkEntry(made, change, entryNode, count);
        checkDirectory(path, nodes, own, isInitial);
      },
    );
  },
});
