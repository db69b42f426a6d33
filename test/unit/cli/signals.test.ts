import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { forwardableSignals } from '../../../src/cli/foreground/signals.js';
import { signalNumber } from '../../../src/cli/signals.js';

test('names are those of this system', () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    if (name === 'SIGUNUSED') continue;
    expect([name, signalNumber(name)]).toEqual([name, number]);
    expect(signalNumber(name.slice(3))).toBe(number);
    expect(signalNumber(name.toLowerCase())).toBe(number);
  }
});

test('numbers and real-time signals', () => {
  expect(signalNumber('0')).toBe(0);
  expect(signalNumber('9')).toBe(9);
  expect(signalNumber('64')).toBe(64);
  expect(signalNumber('SIGRTMIN')).toBe(34);
  expect(signalNumber('SIGRTMIN+3')).toBe(37);
  expect(signalNumber('RTMAX-1')).toBe(63);
  expect(signalNumber('rtmin+30')).toBe(64);
});

test.each(['', 'SIG', 'NOPE', '65', '-9', '9x', 'RTMIN-1', 'RTMAX+1', 'RTMIN+', 'constructor'])(
  '%j is none',
  (text) => {
    expect(() => signalNumber(text)).toThrow(`unknown signal ${JSON.stringify(text)}`);
  },
);

test('what is handed on to the process', () => {
  const signals = forwardableSignals();
  for (const name of ['HUP', 'INT', 'QUIT', 'TERM', 'USR1', 'USR2', 'WINCH', 'CONT', 'RTMIN']) {
    expect(signals).toContain(signalNumber(name));
  }
  for (const name of ['KILL', 'STOP', 'CHLD', 'URG', 'SEGV', 'PIPE', 'TTOU']) {
    expect(signals).not.toContain(signalNumber(name));
  }
  expect(signals).not.toContain(32);
  expect(signals).not.toContain(33);
});
