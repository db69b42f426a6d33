import { describe, expect, test } from 'vitest';
import { Log, jsonLine, oneLine, textLine } from '../../../src/cli/log.js';
import { fakeSystem } from './fake.js';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('a log file', () => {
  test('gets JSON objects with a time of RFC 3339', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.open({ log: '/log', 'log-format': 'json' });
    log.error('cannot do "it"\nat all');
    const [line, rest] = fake.files.get('/log')!.split('\n');
    expect(rest).toBe('');
    const entry = JSON.parse(line!) as Record<string, string>;
    expect(Object.keys(entry)).toEqual(['level', 'msg', 'time']);
    expect(entry).toMatchObject({ level: 'error', msg: 'cannot do "it"\nat all' });
    expect(entry['time']).toMatch(TIME);
  });

  test('gets one object for a failure, and people one line', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.open({ log: '/log', 'log-format': 'json' });
    log.debug('unseen');
    log.error('it failed');
    expect(fake.files.get('/log')!.trimEnd().split('\n')).toHaveLength(1);
    // Programs put the name before it themselves.
    expect(fake.stderr()).toBe('it failed\n');
  });

  test('as text leaves people the line with the name', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.open({ log: '/log' });
    log.error('it failed');
    expect(fake.stderr()).toBe('tsrun: it failed\n');
  });

  test('takes warnings and, with --debug, debug lines, of which standard error sees none', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.open({ log: '/log', debug: true });
    log.debug('a');
    log.warn('b');
    expect(fake.files.get('/log')).toMatch(
      /^time="[^"]+" level=debug msg="a"\ntime="[^"]+" level=warning msg="b"\n$/,
    );
    expect(fake.stderr()).toBe('');
  });

  test('has no warnings beside the error, and those of a success in JSON at its end', async () => {
    for (const fails of [true, false]) {
      const fake = fakeSystem();
      const log = new Log(fake.native);
      log.open({ log: '/log', 'log-format': 'json' });
      log.warn('b');
      if (fails) log.error('c');
      await log.flush();
      expect(fake.files.get('/log')).toMatch(
        fails ? /^{"level":"error",.*}\n$/ : /^{"level":"warning",.*}\n$/,
      );
    }
  });

  test('is appended to', () => {
    const fake = fakeSystem();
    fake.files.set('/log', 'before\n');
    const log = new Log(fake.native);
    log.open({ log: '/log' });
    log.warn('after');
    expect(fake.files.get('/log')).toMatch(/^before\ntime=/);
  });

  test('that cannot be opened is an error', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    expect(() => log.open({ log: '/missing/log' })).toThrow(
      'cannot open log file /missing/log: no such file or directory',
    );
    log.error('still told');
    expect(fake.stderr()).toBe('tsrun: still told\n');
  });
});

describe('without a file', () => {
  test('standard error is the log', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.open({ log: '/dev/stderr' });
    log.warn('w');
    log.error('e');
    expect(fake.stderr()).toBe('tsrun: warning: w\ntsrun: e\n');
  });

  test('it is so as JSON too, with one object for the error', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.open({ 'log-format': 'json' });
    log.error('e');
    expect(JSON.parse(fake.stderr())).toMatchObject({ level: 'error', msg: 'e' });
  });

  test('warnings are left out where standard error has to stay clean', () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    log.keepStderrClean();
    log.warn('w');
    expect(fake.stderr()).toBe('');
    log.error('e');
    expect(fake.stderr()).toBe('tsrun: e\n');
  });

  test('a full pipe loses nothing and keeps the order', async () => {
    const fake = fakeSystem();
    const log = new Log(fake.native);
    fake.full = 1;
    log.warn('a');
    log.warn('b');
    expect(fake.stderr()).toBe('');
    await log.flush();
    expect(fake.stderr()).toBe('tsrun: warning: a\ntsrun: warning: b\n');
  });
});

test('lines', () => {
  expect(jsonLine('error', 'a"b', 'T')).toBe('{"level":"error","msg":"a\\"b","time":"T"}\n');
  expect(textLine('error', 'a"b', 'T')).toBe('time="T" level=error msg="a\\"b"\n');
  expect(oneLine('a:\n  b\n  c \u001b[31m\u009b\u202e')).toBe('a:; b; c ?[31m??');
  const escapes = '\\u001b\\u009b\\u202e';
  expect(jsonLine('error', '\u001b\u009b\u202e', 'T')).toContain(`"msg":"${escapes}"`);
  expect(textLine('error', '\u001b\u009b\u202e', 'T')).toContain(`msg="${escapes}"`);
});
