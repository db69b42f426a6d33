/** As much of a system as the command line's own parts need: files in memory, descriptors 0 to 2. */

import { EAGAIN, EEXIST, ENOENT, O_EXCL } from '../../../src/native/constants.js';
import { FakeFiles, statOf } from '../../fakes/files.js';
import type { Native } from '../../../src/native/types.js';

export interface Fake {
  native: Native;
  stdout(): string;
  stderr(): string;
  files: Map<string, string>;
  /** The next this many writes find a full pipe. */
  full: number;
}

export function fakeSystem(overrides: Partial<Native> = {}): Fake {
  const files = new Map<string, string>();
  const open = new Map<number, string>();
  const std: [string, string, string] = ['', '', ''];
  let next = 3;
  const fake: Fake = {
    native: undefined as unknown as Native,
    stdout: () => std[1],
    stderr: () => std[2],
    files,
    full: 0,
  };
  const native: Partial<Native> = {
    open(path, flags) {
      if (!path.startsWith('/')) path = `/cwd/${path}`;
      if (path.startsWith('/missing/')) return -ENOENT;
      if ((flags & O_EXCL) !== 0 && files.has(path)) return -EEXIST;
      if (!files.has(path)) files.set(path, '');
      open.set(next, path);
      return next++;
    },
    close: (fd) => (open.delete(fd) ? 0 : -9),
    write(fd, data) {
      if (fake.full > 0) {
        fake.full--;
        return -EAGAIN;
      }
      const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
      if (fd === 1 || fd === 2) std[fd] += text;
      else files.set(open.get(fd)!, files.get(open.get(fd)!)! + text);
      return text.length;
    },
    wait(_fd, events, _timeout, _keepAlive, callback) {
      queueMicrotask(() => callback(events));
      return 1;
    },
    cancelWait: () => undefined,
    realpath: () => '/cwd',
    statfsType: () => 0x01021994,
    readText: (path) => (path === '/proc/self/mountinfo' ? '' : -ENOENT),
    lstat: () => -ENOENT,
    fstat: () => statOf(new FakeFiles().node('directory', 0o755)),
    openat: () => -ENOENT,
    getuid: () => [1000, 1000],
    getgid: () => [100, 100],
    seccompFlagWorks: () => true,
    seccompVersion: () => '0.0.0',
    strerror: (errno) => (errno === ENOENT ? 'no such file or directory' : `error ${errno}`),
    ...overrides,
  };
  fake.native = new Proxy(native, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (member === undefined) throw new Error(`the fake system has no ${String(name)}`);
      return member;
    },
  }) as Native;
  return fake;
}
