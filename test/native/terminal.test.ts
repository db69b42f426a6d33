/**
 * Foreground `run` and `exec -t` at a terminal: size, raw mode, signals, what is
 * left of it. Node puts the settings back at its exit too, so on that host the
 * last is shown twice over.
 */

import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useScene } from '../support/scene.js';
import { openPty } from '../support/shim.js';
import { openScreen, setWindowSize, terminalSettings, windowSize } from '../support/terminal.js';
import type { Screen } from '../support/terminal.js';
import { COMMAND, newId } from '../support/tsrun.js';

const scene = useScene();

let master: number;
let slave: number;
let screen: Screen;
let before: string;

beforeEach(() => {
  [master, slave] = openPty();
  setWindowSize(master, { rows: 31, columns: 97 });
  before = terminalSettings(slave);
  screen = openScreen(master);
});

afterEach(() => {
  closeSync(slave);
  screen.close();
});

const terminal = (spec: Spec): void => {
  if (spec.process !== undefined) spec.process.terminal = true;
};

interface Foreground {
  pid: number;
  status: Promise<number | null>;
}

/** The runtime with our terminal as its controlling one, as under a shell. */
function atTerminal(...args: string[]): Foreground {
  return atTerminalWith(slave, ...args);
}

/** The same with its standard output elsewhere. */
function atTerminalWith(output: number, ...args: string[]): Foreground {
  const [file, ...rest] = ['setsid', '--ctty', ...COMMAND, '--root', scene.runtime.root, ...args];
  const child = spawn(file, rest, { stdio: [slave, output, slave] });
  return {
    pid: child.pid ?? 0,
    status: new Promise((resolve) => child.on('close', resolve)),
  };
}

test('run gives the program a terminal of the size of ours, and puts ours back', async () => {
  const bundle = scene.bundle(
    `stty size; tty; test -t 0 && test -t 1 && test -t 2 && echo all
     stat -c '%u %t' $(tty); stat -c %a /dev/console; read line; echo "got $line"; exit 7`,
    terminal,
  );
  const { status } = atTerminal('run', '--bundle', bundle.path, newId());
  await screen.until(/31 97\r\n\/dev\/pts\/0\r\nall\r\n0 88\r\n/);
  // Raw, so that every key goes in.
  expect(terminalSettings(slave)).not.toBe(before);
  expect(screen.text()).not.toContain('\r\r');
  await screen.type('typed\r');
  await screen.until(/got typed\r\n/);
  expect(await status).toBe(7);
  expect(terminalSettings(slave)).toBe(before);
});

test('a change of the window size goes on to the program', async () => {
  const bundle = scene.bundle(
    `trap 'stty size; exit 0' WINCH; echo ready; while :; do read line; done`,
    terminal,
  );
  const { status } = atTerminal('run', '--bundle', bundle.path, newId());
  await screen.until(/ready/);
  setWindowSize(master, { rows: 40, columns: 120 });
  await screen.until(/40 120\r\n/);
  expect(await status).toBe(0);
  expect(windowSize(slave)).toEqual({ rows: 40, columns: 120 });
});

test('Ctrl-C interrupts the program, and is its exit status', async () => {
  // A shell as pid 1 takes only signals that it has a handler for.
  const bundle = scene.bundle(
    `trap 'echo interrupted; exit 130' INT; echo ready; read line`,
    terminal,
  );
  const { status } = atTerminal('run', '--bundle', bundle.path, newId());
  await screen.until(/ready/);
  await screen.type('\x03');
  await screen.until(/interrupted/);
  expect(await status).toBe(130);
  expect(terminalSettings(slave)).toBe(before);
});

test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGUSR1'] as const)(
  '%s to the runtime goes on, and the terminal is put back when the program dies of it',
  async (signal) => {
    const bundle = scene.bundle('(echo ready; exec sleep 1000)', (spec) => {
      terminal(spec);
      // Not pid 1 of a namespace, which would be spared.
      if (spec.linux?.namespaces !== undefined) {
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'pid');
      }
      if (spec.process !== undefined)
        spec.process.args = ['sh', '-c', 'echo ready; exec sleep 1000'];
      spec.mounts = spec.mounts?.filter(({ destination }) => destination !== '/proc') ?? [];
      if (spec.linux !== undefined) {
        spec.linux.maskedPaths = [];
        spec.linux.readonlyPaths = [];
      }
    });
    const { pid, status } = atTerminal('run', '--bundle', bundle.path, newId());
    await screen.until(/ready/);
    process.kill(pid, signal);
    const number = { SIGTERM: 15, SIGHUP: 1, SIGINT: 2, SIGUSR1: 10 }[signal];
    expect(await status).toBe(128 + number);
    expect(terminalSettings(slave)).toBe(before);
  },
);

test('a failed run leaves the terminal as it was', async () => {
  const bundle = scene.bundle('true', (spec) => {
    terminal(spec);
    if (spec.process !== undefined) spec.process.args = ['/nothing'];
  });
  const { status } = atTerminal('run', '--bundle', bundle.path, newId());
  await screen.until(/exec: "\/nothing": no such file or directory/);
  expect(await status).toBe(1);
  expect(terminalSettings(slave)).toBe(before);
});

test('all that is printed arrives, however much', async () => {
  const bundle = scene.bundle('seq 1 30000; printf end', terminal);
  const { status } = atTerminal('run', '--bundle', bundle.path, newId());
  expect(await status).toBe(0);
  await screen.until(/end$/);
  const lines = screen.text().split('\r\n');
  expect(lines).toHaveLength(30001);
  expect(lines[29999]).toBe('30000');
});

test('exec -t gets a terminal of its own in a container without one', async () => {
  const container = await scene.started('exec sleep 1000');
  const { status } = atTerminal(
    ...['exec', '-t', container.id],
    ...['sh', '-c', 'stty size; tty; read line; echo "got $line"; exit 9'],
  );
  await screen.until(/31 97\r\n\/dev\/pts\/0\r\n/);
  await screen.type('typed\r');
  await screen.until(/got typed\r\n/);
  expect(await status).toBe(9);
  expect(terminalSettings(slave)).toBe(before);
  await container.remove();
});

test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
  '%s to an exec goes on, and the terminal is put back',
  async (signal) => {
    const container = await scene.started('exec sleep 1000');
    const { pid, status } = atTerminal(
      ...['exec', '-t', container.id, 'sh', '-c', 'echo ready; exec sleep 1000'],
    );
    await screen.until(/ready/);
    expect(terminalSettings(slave)).not.toBe(before);
    process.kill(pid, signal);
    expect(await status).toBe(128 + { SIGTERM: 15, SIGHUP: 1, SIGINT: 2 }[signal]);
    expect(terminalSettings(slave)).toBe(before);
    await container.remove();
  },
);

test('without a terminal of our own, what is piped in ends as a typed end of file does', async () => {
  const bundle = scene.bundle('cat; tty', terminal);
  const result = await scene.run(bundle, [], { input: 'line\n' });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  // What is typed is echoed.
  expect(result.stdout).toBe('line\nline\n/dev/pts/0\n');
});

test('output that is no terminal has the lines as the program wrote them', async () => {
  const container = await scene.started('exec sleep 1000');
  const exec = await scene.runtime([
    'exec',
    '-t',
    container.id,
    'sh',
    '-c',
    'printf "a\\nb\\r\\nc\\n"',
  ]);
  expect(exec).toMatchObject({ status: 0, stdout: 'a\nb\r\nc\n', stderr: '' });
  await container.remove();

  // Though we are at a terminal: `tsrun run ID > FILE`.
  const bundle = scene.bundle('echo one; echo two', terminal);
  const file = join(bundle.path, 'output');
  const output = openSync(file, 'w');
  const { status } = atTerminalWith(output, 'run', '--bundle', bundle.path, newId());
  expect(await status).toBe(0);
  closeSync(output);
  expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
  expect(terminalSettings(slave)).toBe(before);
});

test('a terminal that ends lines with newlines alone gets them so, and is put back', async () => {
  const stty = (...args: string[]): string =>
    execFileSync('stty', args, { stdio: [slave, 'pipe', 'inherit'], encoding: 'utf8' });
  stty('-onlcr', '-opost');
  const changed = terminalSettings(slave);
  const bundle = scene.bundle('stty -a; echo ready; read line', terminal);
  const { status } = atTerminal('run', '--bundle', bundle.path, newId());
  const [, inside = ''] = await screen.until(/([^]*)ready/);
  // Once, before the program: it may set it.
  expect(inside).toMatch(/-onlcr/);
  expect(inside).not.toMatch(/-opost/);
  expect(inside).not.toContain('\r');
  expect(stty('-a')).toMatch(/^opost .*-onlcr /m);
  await screen.type('\r');
  expect(await status).toBe(0);
  expect(terminalSettings(slave)).toBe(changed);
});
