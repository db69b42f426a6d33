/** Only some errors say that an image has no such file. */

import { expect, test } from 'vitest';

import { readRootFile, readRootFileOf } from '../../../src/lifecycle/root-file.js';
import * as errnos from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';

const regular = { mode: errnos.S_IFREG };

/** @param answers in the place of those for a readable file */
function system(answers: Record<string, unknown>): Native {
  const all: Record<string, unknown> = {
    ...{ open: 5, openInRoot: 6, fstat: regular, fstatfsType: 1, readText: 'text', close: 0 },
    ...{ pidfdKill: 0, strerror: 'reason', ...answers },
  };
  const call = (_: object, name: string) => (): unknown => all[name];
  return new Proxy({}, { get: call }) as Native;
}

const read = (answers: Record<string, unknown>): string | undefined =>
  readRootFile(system(answers), 5, '/etc/passwd');

test.each(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES'] as const)(
  '%s says that there is none',
  (name) => {
    expect(read({ openInRoot: -errnos[name] })).toBeUndefined();
  },
);

test.each(['EMFILE', 'ENOMEM', 'EAGAIN', 'EINVAL', 'EBADF'] as const)('%s says nothing', (name) => {
  for (const call of ['openInRoot', 'fstat', 'fstatfsType', 'readText']) {
    expect(() => read({ [call]: -errnos[name] }), call).toThrow('cannot read /etc/passwd of');
  }
});

test('the root of a process that has ended is that of another one by now', () => {
  const of = (answers: Record<string, unknown>): string | undefined =>
    readRootFileOf(system(answers), 7, 8, '/etc/passwd');
  expect(of({})).toBe('text');
  expect(() => of({ pidfdKill: -errnos.ESRCH })).toThrow('has ended');
  expect(() => of({ open: -errnos.ENOMEM })).toThrow('cannot open the root of process 7');
});

test.each(['EACCES', 'EPERM'] as const)(
  '%s at the root of a process says that the caller may not look into it',
  (name) => {
    const look = (): unknown =>
      readRootFileOf(system({ open: -errnos[name] }), 7, 8, '/etc/passwd');
    expect(look).toThrow(
      expect.objectContaining({
        code: 'ERR_PERMISSION',
        message: 'cannot look into process 7 of the container: reason',
      }) as Error,
    );
  },
);

test('a root that is not there though the process lives is no image without files', () => {
  const look = (): unknown => readRootFileOf(system({ open: -errnos.ENOENT }), 7, 8, '/etc/passwd');
  expect(look).toThrow('cannot open the root of process 7');
});
