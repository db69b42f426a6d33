// What is parsed: rows 13, 15, 17, 19, and files of the image.

const ADDON = 'test/security/row-13-long-fields.test.ts';
const WRONG_SHAPE = {
  file: ADDON,
  name: 'steps of the wrong shape are refused before anything is made',
  message: /to throw/,
};
const PASSWD = 'test/security/row-b-hanging-files.test.ts';
const ROOT_FILE = 'src/lifecycle/root-file.ts';

const HUGE = (what) => ({
  file: 'test/security/huge-documents.test.ts',
  name: '%s is refused by name',
  title: `${what} is refused by name`,
  message: /to contain|to match/,
});

export const inputs = [
  {
    rows: ['13'],
    what: 'a text of the plan may hold a NUL',
    changes: [
      {
        file: 'native/binding/helper.cc',
        from: `if (hasNul(item)) return wrongType(env, "a step's string holds a NUL");`,
        to: '',
      },
    ],
    build: 'addon',
    test: WRONG_SHAPE,
  },
  {
    rows: ['13'],
    what: 'a list of the plan may hold a NUL',
    changes: [
      {
        file: 'native/binding/helper.cc',
        from: `if (hasNul(items.back())) return wrongType(env, "a step's string holds a NUL");`,
        to: '',
      },
    ],
    build: 'addon',
    test: WRONG_SHAPE,
  },
  {
    rows: ['13'],
    what: 'any number of descriptors may be passed',
    changes: [
      {
        file: 'native/binding/helper.cc',
        from: 'work.preserve.size() > wire::kMaxSlots ||',
        to: '',
      },
    ],
    build: 'addon',
    test: {
      file: ADDON,
      name: 'what is no plan is refused before a helper is started',
      message: /to be -22/,
    },
  },
  {
    rows: ['15'],
    what: 'a user may be anything that begins with a number',
    changes: [
      {
        file: 'src/cli/exec-process.ts',
        from: '/^(\\d{1,10})(?::(\\d{1,10}))?$/.exec(text)',
        to: '/^(\\d{1,10})(?::(\\d{1,10}))?/.exec(text)',
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-15-users.test.ts',
      name: 'users are what they say: a lone uid keeps the gid of the container',
      message: /"?status"?: \+?0/,
    },
  },
  {
    rows: ['15'],
    what: 'the uid that is asked for is not taken',
    changes: [
      {
        file: 'src/cli/exec-process.ts',
        from: "user.uid = id(match[1] ?? '', text);",
        to: "id(match[1] ?? '', text);",
      },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-15-users.test.ts',
      name: 'users are what they say: a lone uid keeps the gid of the container',
      message: /expected '0:0 ' to be '1:0 '/,
    },
  },
  {
    rows: ['17'],
    what: 'ids may be made of anything',
    changes: [
      {
        file: 'src/state/id.ts',
        from: "if (id === '.' || id === '..' || !ALLOWED.test(id)) {",
        to: "if (id === '.' || id === '..' || (id === '...' && !ALLOWED.test(id))) {",
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/state/id.test.ts',
      name: 'what could leave the root directory or confuse a terminal is refused',
      message: /expected true to be false/,
    },
  },
  {
    rows: ['17'],
    what: '`..` may be in a cgroupsPath',
    changes: [
      {
        file: 'src/cgroups/path.ts',
        from: `if (name === '..') return '".." is not allowed in it';`,
        to: '',
      },
    ],
    build: 'none',
    test: {
      file: 'test/unit/cgroups/path.test.ts',
      name: 'never leads out of the hierarchy',
      message: /Property failed/,
    },
  },
  {
    rows: ['19'],
    what: 'a file of the image may be of any size',
    changes: [
      { file: ROOT_FILE, from: 'const MAX_SIZE = 1 << 20;', to: 'const MAX_SIZE = 2 ** 31;' },
    ],
    build: 'executable',
    test: {
      file: 'test/security/row-19-huge-files.test.ts',
      name: 'a file over 1 MiB is refused, in bounded memory, and one of 1 MiB is read',
      message: /it is larger than|status/,
    },
  },
  {
    rows: ['B'],
    what: 'files of the image are opened, whatever they are',
    changes: [
      {
        file: ROOT_FILE,
        from: '(stat.mode & S_IFMT) !== S_IFREG)',
        to: '(stat.mode & S_IFMT) === S_IFMT + S_IFREG)',
      },
    ],
    build: 'executable',
    test: {
      file: PASSWD,
      name: '%s is not opened, whether it is a link or not',
      title: 'a character device is not opened, whether it is a link or not',
      message: /illegal seek/,
    },
  },
  {
    rows: ['B'],
    what: 'files of the kernel are read for those of the image',
    changes: [
      {
        file: ROOT_FILE,
        from: 'if (KERNEL.includes(type))',
        to: 'if (KERNEL.length === 0)',
      },
    ],
    build: 'executable',
    test: {
      file: PASSWD,
      name: 'exec reads no file of the kernel that the container has mounted there',
      message: /\/home/,
    },
  },
  {
    rows: ['B'],
    what: 'delete --force waits for the lock before it kills',
    changes: [
      {
        file: 'src/lifecycle/delete.ts',
        from: "if (force && found.kind === 'state') await killEverything(native, root, found.state);",
        to: '',
      },
    ],
    build: 'executable',
    test: {
      file: PASSWD,
      name: 'a hanging file system on /etc keeps no command (user namespace: %s)',
      title: 'a hanging file system on /etc keeps no command (user namespace: false)',
      message: /"?status"?: (137|null)/,
    },
  },
  {
    rows: ['X'],
    what: 'a number may have any number of digits',
    changes: [
      { file: 'src/spec/json.ts', from: 'const MAX_NUMBER = 1000;', to: 'const MAX_NUMBER = 1e9;' },
    ],
    build: 'executable',
    test: HUGE('an exponent of a million digits'),
  },
  {
    rows: ['X'],
    what: 'a document may have any number of values',
    changes: [
      {
        file: 'src/spec/json.ts',
        from: 'MAX_VALUES = 1 << 18',
        to: 'MAX_VALUES = 2 ** 40',
      },
    ],
    build: 'executable',
    test: HUGE('millions of lists'),
  },
  {
    rows: ['X'],
    what: 'a document may be of any size',
    changes: [
      {
        file: 'src/lifecycle/bundle.ts',
        from: 'MAX_DOCUMENT = 16 << 20',
        to: 'MAX_DOCUMENT = 2 ** 31',
      },
    ],
    build: 'executable',
    test: HUGE('more than 16 MiB'),
  },
  {
    rows: ['X'],
    what: 'the engine parses a config.json before it is looked at',
    changes: [
      { file: 'src/spec/load.ts', from: '  if (mayExceed(text)) return undefined;\n', to: '' },
    ],
    build: 'none',
    test: {
      file: 'test/unit/spec/load.test.ts',
      name: 'has no number read that is longer than any that is needed',
      message: /nothing was thrown/,
    },
  },
];
