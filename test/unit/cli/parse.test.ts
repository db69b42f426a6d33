import { describe, expect, test } from 'vitest';
import { parseWithCommander } from '../../../src/cli/commander.js';
import { parse } from '../../../src/cli/parse.js';
import { commands, globalRow } from '../../../src/cli/table.js';
import { commandLines } from './command-lines.js';

function line(text: string) {
  return parse(text.split(' '));
}

describe('both parsers', () => {
  test('there are several hundred lines of each sort', () => {
    const kinds = commandLines.map((words) => parse(words).kind);
    expect(kinds.filter((kind) => kind === 'command').length).toBeGreaterThan(300);
    expect(kinds.filter((kind) => kind === 'error').length).toBeGreaterThan(300);
    expect(kinds).toContain('help');
    expect(kinds).toContain('version');
  });

  test.each(commandLines.map((words) => [JSON.stringify(words), words] as const))(
    'read %s alike',
    (_, words) => {
      expect(parseWithCommander(words)).toEqual(parse(words));
    },
  );
});

describe('parse', () => {
  test('reads what containerd sends', () => {
    expect(
      line('--root /r --log /l --log-format json create --bundle /b --pid-file /p c1'),
    ).toEqual({
      kind: 'command',
      globals: { root: '/r', log: '/l', 'log-format': 'json' },
      command: 'create',
      options: { bundle: '/b', 'pid-file': '/p' },
      args: ['c1'],
    });
  });

  test('takes one dash and two, a value apart and joined', () => {
    const expected = line('create --bundle /b --no-pivot c1');
    for (const text of [
      'create -bundle /b -no-pivot c1',
      'create --bundle=/b --no-pivot=true c1',
      'create -b=/b --no-pivot=T c1',
      'create c1 -b /b --no-pivot',
      'create --no-pivot -b /b -- c1',
    ]) {
      expect(line(text)).toEqual(expected);
    }
  });

  test('leaves the arguments of exec alone', () => {
    expect(line('exec -t c1 sh -c --tty=x -- y')).toMatchObject({
      options: { tty: true },
      args: ['c1', 'sh', '-c', '--tty=x', '--', 'y'],
    });
    expect(line('exec -- c1 -x')).toMatchObject({ args: ['c1', '-x'] });
  });

  test('collects what may be given many times, else the last one counts', () => {
    expect(line('exec -e A=1 --env B=2 -g 1 -g 2 --cwd /a --cwd /b c1 sh')).toMatchObject({
      options: { env: ['A=1', 'B=2'], 'additional-gids': [1, 2], cwd: '/b' },
    });
  });

  test('says what podman looks for when a value is missing', () => {
    const parsed = line('restore --lsm-mount-context');
    expect(parsed).toMatchObject({
      kind: 'error',
      message: 'restore: flag needs an argument: --lsm-mount-context (see tsrun restore --help)',
    });
  });

  test.each([
    ['nope', 'unknown command "nope" (see tsrun --help)'],
    ['create', 'create: container-id is missing (see tsrun create --help)'],
    ['create a b', 'create: unexpected argument "b" (see tsrun create --help)'],
    ['--ver', 'unknown option --ver (see tsrun --help)'],
    ['create -x a', 'create: unknown option -x (see tsrun create --help)'],
    ['create -xy=1 a', 'create: unknown option --xy (see tsrun create --help)'],
    ['kill a -9', 'kill: unknown option -9 (see tsrun kill --help)'],
    [
      'list -f xml',
      'list: invalid value "xml" for --format: it must be table or json (see tsrun list --help)',
    ],
    ['--log', 'flag needs an argument: --log (see tsrun --help)'],
    [
      'kill --all=x a',
      'kill: invalid value "x" for --all: it must be true or false (see tsrun kill --help)',
    ],
    [
      'create --preserve-fds -1 a',
      'create: invalid value "-1" for --preserve-fds: it must be a whole number from 0 on (see tsrun create --help)',
    ],
  ])('%s: %s', (text, message) => {
    expect(line(text)).toMatchObject({ kind: 'error', message });
  });

  test('keeps the options before the command, for the log, when the rest is wrong', () => {
    expect(line('--log /l --log-format json create --nope')).toMatchObject({
      kind: 'error',
      globals: { log: '/l', 'log-format': 'json' },
    });
  });

  test('help needs no arguments', () => {
    expect(line('checkpoint --help')).toEqual({ kind: 'help', globals: {}, command: 'checkpoint' });
    expect(line('help kill')).toEqual({ kind: 'help', globals: {}, command: 'kill' });
    expect(parse([])).toEqual({ kind: 'help', globals: {} });
  });
});

test('no row of the table has a name twice', () => {
  for (const row of [globalRow(), ...Object.values(commands).map((make) => make())]) {
    const names = row.options.flatMap((option) =>
      'short' in option ? [option.name, option.short] : [option.name],
    );
    expect(new Set(names).size).toBe(names.length);
  }
});
