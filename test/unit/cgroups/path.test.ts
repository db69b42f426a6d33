import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { cgroupPath } from '../../../src/cgroups/path.js';
import { TsrunError } from '../../../src/errors.js';

describe('linux.cgroupsPath', () => {
  it.each([
    ['/a/b', '/x/own', '/a/b'],
    ['//a/./b/', '/x/own', '/a/b'],
    ['a/b', '/x/own', '/x/a/b'],
    ['a/b', '/own', '/a/b'],
    ['a/b', '/', '/a/b'],
    ['a/b', undefined, '/a/b'],
    [undefined, '/x/own', '/x/id'],
    ['', '/x/own', '/x/id'],
    // What the file system driver of runc makes of systemd's form.
    ['system.slice:tsrun:id', '/x/own', '/x/system.slice:tsrun:id'],
    // The caller is outside of its cgroup namespace.
    ['a', '/../x/own', '/a'],
    ['a', '/x/own (deleted)', '/x/a'],
  ])('%j below %j is %j', (cgroupsPath, own, expected) => {
    expect(cgroupPath({ cgroupsPath, id: 'id', own })).toBe(expected);
  });

  it.each([
    ['/', 'it names no cgroup of its own'],
    ['.', 'it names no cgroup of its own'],
    ['/./', 'it names no cgroup of its own'],
    ['..', '".." is not allowed in it'],
    ['/a/../b', '".." is not allowed in it'],
    ['a/..', '".." is not allowed in it'],
    ['/a\0b', 'it has a NUL character'],
    ['/a\nb', 'it has a line break'],
    [`/${'a'.repeat(256)}`, 'it has a name of more than 255 bytes'],
    [`/${'\u20ac'.repeat(86)}`, 'it has a name of more than 255 bytes'],
    ['/aaaaaaa'.repeat(512), 'it is longer than 4095 bytes'],
  ])('refuses %j', (cgroupsPath, fault) => {
    let error: unknown;
    try {
      cgroupPath({ cgroupsPath, id: 'id', own: '/' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TsrunError);
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', pointer: '/linux/cgroupsPath' });
    const { message } = error as TsrunError;
    expect(message).toMatch(/^\/linux\/cgroupsPath: cannot use "[^\0\n]*" as the path of a cgroup/);
    expect(message.endsWith(`: ${fault}`)).toBe(true);
  });

  it('takes names up to the limit of the kernel', () => {
    for (const name of ['a'.repeat(255), '\u20ac'.repeat(85), '\u{1f600}'.repeat(63)]) {
      expect(cgroupPath({ cgroupsPath: `/${name}`, id: 'id' })).toBe(`/${name}`);
    }
  });

  it('never leads out of the hierarchy', () => {
    const text = fc.string({ unit: fc.constantFrom('.', '/', 'a', '\0', '\n'), maxLength: 12 });
    fc.assert(
      fc.property(text, fc.constantFrom('/', '/x', '/x/y', '/../z'), (cgroupsPath, own) => {
        let path;
        try {
          path = cgroupPath({ cgroupsPath, id: 'id', own });
        } catch (error) {
          expect(error).toBeInstanceOf(TsrunError);
          return;
        }
        expect(path).toMatch(/^(\/[^/\0\n]+)+$/);
        expect(path.split('/')).not.toContain('..');
      }),
      { numRuns: 2000 },
    );
  });
});
