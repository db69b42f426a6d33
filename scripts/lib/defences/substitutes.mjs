// What stands in the place of another: paths that cannot be opened, nodes, entries of the cache, files, cgroups.

const MASKS = 'test/native/masks.test.ts';
const MOUNTS = 'native/child/mounts.cc';
const CACHE = 'src/seccomp/cache.ts';
const CACHE_TEST = 'test/unit/seccomp/cache.test.ts';

const skipped = (step, field) => ({
  rows: ['R7'],
  what: `an entry of ${field} that cannot be opened is left out`,
  changes: [
    {
      file: MOUNTS,
      from: `TEXT(step, ${step}, target);
  const long target = openInRoot(path, O_PATH);
  if (target == -ENOENT || target == -ENOTDIR) return 0;`,
      to: `TEXT(step, ${step}, target);
  const long target = openInRoot(path, O_PATH);
  if (target < 0) return 0;`,
    },
  ],
  build: 'executable',
  test: {
    file: MASKS,
    name: 'an entry of %s that cannot be opened is an error, and not left out',
    title: `an entry of ${field} that cannot be opened is an error, and not left out`,
    message: /"?status"?: \+?0/,
  },
});

const cached = (what, from, to, name) => ({
  rows: ['R7'],
  what,
  changes: [{ file: CACHE, from, to }],
  build: 'none',
  test: { file: CACHE_TEST, name, message: /to be undefined/ },
});

export const substitutes = [
  skipped('mask', 'maskedPaths'),
  skipped('readonly', 'readonlyPaths'),
  {
    rows: ['R1'],
    what: 'a node of another type and the same number is taken for the device',
    changes: [
      {
        file: 'native/child/devices.cc',
        from: '(info.st_mode & S_IFMT) != type || (type',
        to: '(type',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/devices.test.ts',
      name: 'that are there already as another type of the same number are refused',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['H'],
    what: 'tmpcopyup follows a tree however deep, until its stack ends',
    changes: [
      {
        file: 'native/child/copy.cc',
        from: 'if (depth > kMaxDepth) return -ELOOP;',
        to: 'if (depth > kMaxDepth + 1000) return -ELOOP;',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/native/tmpcopyup.test.ts',
      name: 'refuses a tree that is deeper than 64 directories',
      message: /"?status"?: \+?0/,
    },
  },
  cached(
    'an entry of the cache may be of another user',
    '&& uid === ownUid(native) &&',
    '&&',
    'of another user is not used',
  ),
  cached(
    'an entry of the cache may be writable by others',
    ' && (mode & WRITABLE_BY_OTHERS) === 0;\n',
    ';\n',
    'that others may write to is not used: %o',
  ),
  cached(
    'an entry of the cache may be a link',
    '(mode & S_IFMT) === type &&',
    'type !== 0 &&',
    'that is a link or a fifo is not used',
  ),
  cached(
    'the program of an entry is not compared with its hash',
    'if (data[i] !== digest.charCodeAt(i)) return undefined;',
    '',
    'whose program is not the one that was kept is not used',
  ),
  {
    rows: ['R1'],
    what: 'a file in the place of a temporary one is written to',
    changes: [
      {
        file: 'src/state/atomic-file.ts',
        from: 'O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC',
        to: 'O_WRONLY | O_CREAT | O_CLOEXEC',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/state/atomic-file.test.ts',
      name: '%s a file of the host in the place of the temporary one is not written to',
      message: /to be 'as it was, and longer'/,
    },
  },
  {
    rows: ['R1'],
    what: "another cgroup of the same path is taken for the container's",
    changes: [
      { file: 'src/cgroups/events.ts', from: 'String(stat.ino) === inode', to: "inode !== ''" },
    ],
    build: 'none',
    test: {
      file: 'test/unit/cgroups/lifecycle.test.ts',
      name: 'takes no cgroup for it that was made at its path since',
      message: /to be false/,
    },
  },
  {
    rows: ['AD'],
    what: 'a cgroup is taken for gone where another part of the hierarchy is mounted',
    changes: [
      {
        file: 'src/cgroups/events.ts',
        from: 'String(stat.ino) !== inode',
        to: "inode === ''",
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/cgroups/lifecycle.test.ts',
      name: 'is not taken for gone where its hierarchy is not seen',
      message: /to throw an error/,
    },
  },
  {
    rows: ['R1'],
    what: 'a container is looked for in a cgroup that took the place of its own',
    changes: [
      {
        file: 'src/lifecycle/own-cgroup.ts',
        from: 'found.state.cgroup?.inode === inode',
        to: "inode !== ''",
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/lifecycle/other-version.test.ts',
      name: 'one that names a cgroup which was at that path before is in none of it now',
      message: /to be false/,
    },
  },
];
