/**
 * What the binding does with arguments, results, errors and waits, told as
 * text. Runs on both hosts (test/native/binding.test.ts), so it uses nothing of
 * Node's: the texts have to be the same.
 */

import { O_CREAT, O_WRONLY } from '../../src/native/constants.js';
import type { Native } from '../../src/native/types.js';

type Loose = Record<string, (...args: unknown[]) => unknown>;

/** A value with its type, the same on every engine. */
function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${Array.from(value, escape).join('')}'`;
    case 'bigint':
      return `${value.toString()}n`;
    case 'object': {
      if (value === null) return 'null';
      if (value instanceof Uint8Array) return `bytes(${Array.from(value).join(' ')})`;
      if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
      const fields = Object.entries(value).map(([name, field]) => `${name}: ${show(field)}`);
      return `{${fields.join(', ')}}`;
    }
    default:
      return String(value);
  }
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code >= 32 && code < 127 ? character : `\\u{${code.toString(16)}}`;
}

function attempt(call: () => unknown): string {
  try {
    return show(call());
  } catch (error) {
    if (!(error instanceof Error)) return `throws ${show(error)}`;
    const keys = Object.keys(error).join(',');
    return `throws ${error.name} '${error.message}' [${keys}] ${String(error instanceof TypeError)}`;
  }
}

const ODD_TEXTS = [
  '',
  'plain',
  'a\0b',
  'caf\u00e9 \u20ac \u{1f600}',
  'half \ud83d end',
  '\udc00',
  'x\udbff',
  '\u{10ffff}',
];

/** Bytes that are not UTF-8, or at its edges. */
const ODD_BYTES = [
  [0x66, 0x80, 0x67],
  [0xc3],
  [0xc0, 0xaf],
  [0xe2, 0x82],
  [0xe2, 0x82, 0x41],
  [0xed, 0xa0, 0x80],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xf0, 0x9f, 0x98],
  [0xf0, 0x80, 0x80, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xff, 0xfe, 0x00, 0x41],
  [0xef, 0xbb, 0xbf, 0x41],
];

const ODD_NUMBERS: unknown[] = [
  0,
  -0,
  1.9,
  -1.9,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31,
  2 ** 53,
  1e300,
  true,
  false,
  0n,
  -1n,
  (1n << 63n) - 1n,
  1n << 63n,
  -(1n << 63n),
  (1n << 64n) - 1n,
  1n << 64n,
  -(1n << 63n) - 1n,
  undefined,
  null,
  '1',
  {},
  [],
];

/** @param directory an empty one, for files */
export async function bindingChecks(native: Native, directory: string): Promise<string> {
  const lines: string[] = [];
  const tell = (name: string, call: () => unknown): void => {
    lines.push(`${name}: ${attempt(call)}`);
  };
  const loose = native as unknown as Loose;
  const file = `${directory}/file`;
  const empty = native.open(file, 0o102 | 0o2000000, 0o600);
  native.close(empty);

  for (const text of ODD_TEXTS) {
    tell(`text ${show(text)} out and in`, () => {
      native.writeText(file, text);
      const found = native.readText(file, 1000);
      native.unlink(file);
      native.close(native.open(file, 0o102, 0o600));
      return found;
    });
    tell(`a file of the name ${show(text)}`, () => native.access(`${directory}/${text}x`, 0));
  }
  for (const bytes of ODD_BYTES) {
    tell(`bytes ${bytes.join(' ')} as text`, () => {
      const [read, write] = native.pipe() as [number, number];
      native.write(write, new Uint8Array(bytes));
      native.close(write);
      const raw = native.read(read, 100);
      const at = native.open(file, 0o1001, 0);
      native.write(at, new Uint8Array(bytes));
      native.close(at);
      native.close(read);
      return [raw, native.readText(file, 1000)];
    });
  }
  for (const value of ODD_NUMBERS) {
    tell(`strerror of ${show(value)}`, () => loose['strerror']?.(value));
    tell(`a limit of ${show(value)}`, () => loose['raiseHardLimit']?.(0x7ffffff0, 7, value));
  }
  for (const value of ['x', 7, undefined, null, {}, [], true, 1n, () => 1, Symbol.iterator]) {
    const name = typeof value === 'symbol' ? 'a symbol' : typeof value;
    tell(`open of a ${name}`, () => loose['open']?.(value, 0, 0));
    tell(`write of a ${name}`, () => loose['write']?.(-1, value));
    tell(`signals that are a ${name}`, () =>
      Array.isArray(value) ? 'skipped' : loose['catchSignals']?.(value),
    );
    tell(`spawn of a ${name}`, () => loose['spawn']?.(value));
    tell(`a callback that is a ${name}`, () =>
      typeof value === 'function' ? 'skipped' : loose['wait']?.(-1, 0, 0, true, value),
    );
    tell(`a flag that is a ${name}`, () => loose['idMapTree']?.(-1, -1, value));
  }
  tell('no arguments', () => loose['open']?.());
  tell('too many arguments', () => loose['getuid']?.(1, 2, 3, 4, 5, 6, 7, 8, 9) === undefined);
  tell('detached from its object', () => {
    const { strerror } = native;
    return [strerror(2), typeof strerror];
  });
  tell('a typed array of other elements', () => loose['write']?.(-1, new Uint16Array([1, 2])));
  tell('a view into a buffer', () => {
    const [read, write] = native.pipe() as [number, number];
    native.write(write, new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4));
    native.write(write, new Uint8Array(0));
    const got = native.read(read, 10);
    for (const fd of [read, write]) native.close(fd);
    return got;
  });
  tell('a data view', () => loose['write']?.(-1, new DataView(new ArrayBuffer(4))));
  tell('an array with a hole', () => loose['catchSignals']?.(Array(2)));
  tell('a getter that throws', () =>
    loose['spawn']?.({
      get cloneFlags() {
        throw new RangeError('of the getter');
      },
    }),
  );
  tell('a proxy of an array', () => {
    const steps = [{ op: 'nonsense' }];
    return native.spawn({
      cloneFlags: 0,
      earlyNamespaces: 0,
      cgroupFd: -1,
      stdio: [-1, -1, -1],
      preserve: [],
      fds: [],
      slots: 0,
      steps: steps as never,
      trace: false,
    });
  });
  tell('the fields of a stat', () => {
    const found = native.stat('/');
    return typeof found === 'number' ? found : [Object.keys(found), typeof found.ino];
  });
  tell('names', () => native.readdir(directory));
  tell('names that are bytes', () => {
    const parent = `${directory}/names`;
    native.mkdir(parent, 0o700);
    native.mkdir(`${parent}/\u00e4`, 0o700);
    native.close(native.open(`${parent}/file`, O_CREAT | O_WRONLY, 0o600));
    const fd = native.open(parent, 0, 0);
    const found = native.directories(parent);
    const [name = new Uint8Array()] = typeof found === 'number' ? [] : found;
    const opened = native.openat(fd, name, 0, 0);
    const said = [found, opened >= 0, native.rmdirAt(fd, name), native.rmdirAt(fd, name)];
    for (const open of [opened, fd]) native.close(open);
    native.unlink(`${parent}/file`);
    native.rmdir(parent);
    return said;
  });
  tell('directories of what is none', () => native.directories(`${directory}/absent`));
  tell('a long list', () => native.operations().length > 30);

  const waits: string[] = [];
  const [read, write] = native.pipe() as [number, number];
  await new Promise<void>((resolve) => {
    const never = native.wait(read, 1, -1, false, () => waits.push('cancelled'));
    native.cancelWait(never);
    native.cancelWait(never);
    native.cancelWait(12345);
    // 49 days, that 32 bits of milliseconds do not hold.
    const long = native.wait(-1, 0, 2 ** 32 + 1, false, () => waits.push('too early'));
    native.wait(read, 1, 0, true, (events) => waits.push(`at once ${events}`));
    native.wait(-1, 0, 30, true, (events) => {
      waits.push(`timeout ${events}`);
      native.cancelWait(long);
      native.write(write, 'x');
    });
    native.wait(read, 1, 10_000, true, (events) => {
      waits.push(`readable ${events}`);
      void Promise.resolve().then(() => waits.push('a job of the callback'));
      native.wait(read, 1 | 4, -1, true, (again) => {
        waits.push(`readable again ${again}`);
        native.close(write);
        native.read(read, 1);
        native.wait(read, 1, -1, true, (hangup) => {
          waits.push(`hangup ${hangup}`);
          resolve();
        });
      });
    });
  });
  const regular = native.open(file, 0, 0);
  await new Promise<void>((resolve) => {
    native.wait(regular, 1, -1, true, (events) => {
      waits.push(`a regular file ${events}`);
      resolve();
    });
  });
  // The caller's descriptor may go: the wait has its own.
  const [read2, write2] = native.pipe() as [number, number];
  await new Promise<void>((resolve) => {
    native.wait(read2, 1, -1, true, (events) => {
      waits.push(`closed meanwhile ${events}`);
      resolve();
    });
    native.close(read2);
    native.write(write2, 'y');
  });
  waits.push(show(native.wait(999, 1, -1, true, () => undefined)));
  for (const fd of [read, regular, write2]) native.close(fd);
  lines.push(...waits);
  native.unlink(file);
  return `${lines.join('\n')}\n`;
}
