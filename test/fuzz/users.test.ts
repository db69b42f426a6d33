/** Users: `exec --user`, the image's /etc/passwd, and the environment that is made of them. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Exec from '../../src/cli/exec-process.js';
import type * as Errors from '../../src/errors.js';
import type * as RootFile from '../../src/lifecycle/root-file.js';
import type { Native } from '../../src/native/types.js';
import type * as Environment from '../../src/plan/environment.js';
import type { Process } from '../../src/spec/types.js';
import { fuzz } from './support/property.js';
import { damaged, ofParts } from './support/texts.js';

interface Modules {
  exec: typeof Exec;
  environment: typeof Environment;
  rootFile: typeof RootFile;
  errors: typeof Errors;
}

const passwd = damaged(
  ofParts([
    ...['root:x:0:0:root:/root:/bin/sh\n', 'a:x:7:7::/home/a:\n', 'b:x:7:7::/home/b:/bin/sh\n'],
    ...['c:x:4294967295:1:::\n', ':', '\n', ':::::', '7', '/', '+::7:0::/x:\n', '#x:x:7:::/y\n'],
    ...['d:x: 7:7::/z:\n', 'e:x:07:7::/z:\n', '\r\n', 'f:x:7:7::relative:\n', '\0'],
  ]),
  [':', '\n', '7', '/'],
);
const user = damaged(
  fc
    .oneof(
      fc.tuple(fc.integer({ min: 0, max: 2 ** 33 }), fc.integer({ min: 0, max: 9 })).map(String),
      fc.constantFrom(
        '',
        '0',
        '7:8',
        '4294967294:1',
        '4294967295',
        '1:',
        ':1',
        'root',
        '-1',
        '1e3',
      ),
      fc.constantFrom('0x7', '7.0', '+7', ' 7', '7\n', '٧', '00007', '99999999999'),
    )
    .map((text) => text.replace(',', ':')),
  ['0', ':', '-', '\n', ' '],
);
const entry = damaged(
  fc.constantFrom('PATH=/a:/b', 'PATH=', 'HOME=/h', 'HOME=', 'HOME', 'A=1', 'A=2', '=x', 'A=b=c'),
  ['=', '\0', 'A', ':'],
);

/** A file of the root file system: what opening it answers, what it is, what is in it. */
const file = fc.record({
  root: fc.constantFrom(3, -2, -13),
  fd: fc.constantFrom(4, -2, -40),
  mode: fc.constantFrom(0o100644, 0o10644, 0o20666, 0o40755, undefined),
  // An image's, or the kernel's own: procfs and sysfs (linux/magic.h).
  type: fc.constantFrom(0xef53, 0x9fa0, 0x62656572),
  text: fc.oneof(fc.constantFrom<string | number>(-27, -5), passwd),
});

fuzz({
  name: 'users',
  modules: {
    exec: 'src/cli/exec-process.ts',
    environment: 'src/plan/environment.ts',
    rootFile: 'src/lifecycle/root-file.ts',
    errors: 'src/errors.ts',
  },
  covers: ['src/cli/exec-process.ts', 'src/plan/environment.ts', 'src/lifecycle/root-file.ts'],
  plant: {
    file: 'src/cli/exec-process.ts',
    from: '/^(\\d{1,10})(?::(\\d{1,10}))?$/',
    to: '/^(\\d{1,10})(?::(\\d{1,10}))?/',
  },
  runs: 1500,
  property: ({ exec, environment, rootFile, errors }: Modules) => {
    const refused = (run: () => unknown, code: string): boolean => {
      try {
        run();
        return false;
      } catch (error) {
        assert(error instanceof errors.TsrunError, String(error));
        assert.equal(error.code, code);
        return true;
      }
    };

    const checkUser = (
      text: string,
      caps: string[] | undefined,
      gids: number[] | undefined,
    ): void => {
      const words = caps?.length === 3 ? [] : ['true'];
      const own = { cwd: '/', user: { uid: 1, gid: 2, umask: 0o22 }, env: ['A=1'] };
      const options = {
        user: text,
        ...(caps === undefined ? {} : { cap: caps }),
        ...(gids === undefined ? {} : { 'additional-gids': gids }),
      };
      const make = (): Process => exec.execProcess(own, options, words);
      const parts = /^([0-9]{1,10})(:([0-9]{1,10}))?$/.exec(text);
      const good =
        words.length > 0 &&
        (text === '' ||
          (parts !== null &&
            !text.includes('\n') &&
            [parts[1], parts[3] ?? '0'].every((id) => Number(id) <= 0xfffffffe)));
      assert.equal(refused(make, 'ERR_USAGE'), !good, JSON.stringify(text));
      if (!good) return;
      const process = make();
      assert.equal(process.user?.uid, text === '' ? 1 : Number(parts![1]));
      assert.equal(process.user.gid, parts?.[3] === undefined ? 2 : Number(parts[3]));
      assert.deepEqual(process.user.additionalGids, gids);
      for (const set of ['bounding', 'effective', 'permitted'] as const) {
        const names = process.capabilities?.[set] ?? [];
        assert(names.every((one) => one.startsWith('CAP_') && one === one.toUpperCase()));
        assert.equal(new Set(names).size, names.length);
      }
      // A joined process must not hand them on (CVE-2022-29162).
      assert.equal(process.capabilities?.inheritable, undefined);
      assert.equal(process.capabilities?.ambient, undefined);
    };

    const checkHome = (text: string, uid: number): string => {
      const home = environment.homeDirectory(text, uid);
      assert(home.startsWith('/') && !home.includes('\n') && !home.includes(':'));
      const line = text.split('\n').find((one) => {
        const fields = one.split(':');
        return fields[2] === String(uid) && fields.length > 5;
      });
      if (line === undefined) assert.equal(home, '/');
      assert.equal(environment.homeDirectory(undefined, uid), '/');
      return home;
    };

    const checkEnvironment = (env: string[], home: string): void => {
      const make = (): string[] =>
        environment.planEnvironment(env, '/process/env', ['B=z'], () => home);
      const bad = env.findIndex((one) => one.indexOf('=') < 1);
      assert.equal(refused(make, 'ERR_CONFIG_INVALID'), bad >= 0);
      if (bad >= 0) return;
      const made = make();
      const names = made.map((one) => one.slice(0, one.indexOf('=')));
      assert.equal(new Set(names).size, names.length);
      for (const name of new Set(env.map((one) => one.slice(0, one.indexOf('='))))) {
        const last = env.filter((one) => one.startsWith(`${name}=`)).at(-1)!;
        const expected = name === 'B' ? 'B=z' : last === 'HOME=' ? `HOME=${home}` : last;
        assert(made.includes(expected), expected);
      }
      assert(made.some((one) => one.startsWith('HOME=/') || env.includes(one)));
      const directories = environment.searchDirectories(made);
      assert(directories.length > 0 && directories.every((one) => one !== ''));
    };

    const checkFile = ({
      root,
      fd,
      mode,
      type,
      text,
    }: typeof file extends fc.Arbitrary<infer T> ? T : never): void => {
      let open = 0;
      const opened = (answer: number): number => {
        if (answer >= 0) open++;
        return answer;
      };
      const native = {
        open: () => opened(root),
        openInRoot: () => opened(fd),
        close: () => {
          open--;
        },
        fstat: () => (mode === undefined ? -5 : { mode }),
        fstatfsType: () => type,
        readText: () => text,
        pidfdKill: () => 0,
        strerror: () => 'reason',
      } as unknown as Native;
      const read = (): string | undefined => rootFile.readRootFileOf(native, 1, 2, '/etc/passwd');
      const absent = [-2, -13, -20, -36, -40];
      const isOpen = root >= 0 && fd >= 0;
      const there = isOpen && mode === 0o100644 && type === 0xef53;
      const isError = (answer: number): boolean => answer < 0 && !absent.includes(answer);
      const failed =
        root < 0 ||
        (root >= 0 && isError(fd)) ||
        (isOpen && (mode === undefined || (mode === 0o100644 && type < 0))) ||
        (there && typeof text === 'number' && isError(text));
      const code =
        root === -13 ? 'ERR_PERMISSION' : there && text === -27 ? 'ERR_BUNDLE' : 'ERR_SYSTEM';
      assert.equal(refused(read, code), failed);
      assert.equal(open, 0);
      if (!failed) assert.equal(read(), there && typeof text === 'string' ? text : undefined);
    };

    return fc.property(
      user,
      fc.option(fc.array(fc.constantFrom('kill', 'CAP_KILL', 'Sys_Admin'), { maxLength: 3 }), {
        nil: undefined,
      }),
      fc.option(fc.array(fc.nat(9), { maxLength: 3 }), { nil: undefined }),
      passwd,
      fc.constantFrom(0, 7, 4294967295),
      fc.array(entry, { maxLength: 6 }),
      file,
      (text, caps, gids, users, uid, env, of) => {
        checkUser(text, caps, gids);
        checkEnvironment(env, checkHome(users, uid));
        checkFile(of);
      },
    );
  },
});
