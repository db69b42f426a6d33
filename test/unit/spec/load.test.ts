import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TsrunError } from '../../../src/errors.js';
import { stringifyJson } from '../../../src/spec/json.js';
import {
  parseProcess,
  parseResources,
  parseSpec,
  requireSpec,
  specProblems,
} from '../../../src/spec/load.js';
import { changedSpec, validSpec, withNamespace } from './specs.js';

function errorOf(run: () => unknown): TsrunError {
  try {
    run();
  } catch (error) {
    if (error instanceof TsrunError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseSpec', () => {
  it('reads a valid config.json', () => {
    expect(parseSpec(JSON.stringify(validSpec()))).toEqual(validSpec());
  });

  it('keeps 64-bit numbers to the last digit', () => {
    const rlimits = [
      { type: 'RLIMIT_AS', soft: 18446744073709551615n, hard: 18446744073709551615n },
      { type: 'RLIMIT_CPU', soft: 9007199254740993n, hard: 9007199254740993n },
    ];
    const spec = changedSpec(
      ['/process/rlimits', rlimits],
      ['/linux/resources/memory', { limit: -1, swap: 9223372036854775807n }],
    );
    const read = parseSpec(stringifyJson(spec));
    expect(read.process?.rlimits).toEqual(rlimits);
    expect(read.linux?.resources?.memory).toEqual({ limit: -1, swap: 9223372036854775807n });
  });

  it('tells where a text is not JSON', () => {
    const error = errorOf(() => parseSpec('{\n  "ociVersion": "1.0.0"\n  "root": {}\n}'));
    expect(error.code).toBe('ERR_CONFIG_INVALID');
    expect(error.message).toBe(
      "config.json is not valid JSON: line 3, column 3: expected ',' or '}' after a member",
    );
  });

  it('has no number read that is longer than any that is needed', () => {
    const text = JSON.stringify(validSpec()).replace(/}$/, `,"x":1${'0'.repeat(3000)}}`);
    expect(errorOf(() => parseSpec(text)).message).toMatch(
      /^config.json is not valid JSON: line 1, column \d+: a number of more than 1000 characters$/,
    );
  });

  it('refuses an exponent that no integer can have', () => {
    for (const number of ['1e999999999', '-1e999999999', '1e400', '1e-999999999']) {
      const spec = changedSpec(['/linux/resources/pids', { limit: '#' }]);
      const text = JSON.stringify(spec).replace('"#"', number);
      const read = (): unknown => parseSpec(text).linux?.resources?.pids?.limit;
      if (number.includes('e-')) expect(read()).toBe(0);
      else expect(errorOf(read).pointer).toBe('/linux/resources/pids/limit');
    }
  });

  it('tells of many problems in a time that grows as their number does', () => {
    const syscalls = Array<object>(30_000).fill({});
    const spec = changedSpec(['/linux/seccomp', { defaultAction: 'SCMP_ACT_KILL', syscalls }]);
    const text = JSON.stringify(spec);
    const before = performance.now();
    const error = errorOf(() => parseSpec(text));
    // By the square of it, it was half a minute on an idle machine.
    expect(performance.now() - before).toBeLessThan(5000);
    expect(error.message).toMatch(/; and 59900 more$/);
    expect(error.problems).toHaveLength(60_000);
  }, 60_000);

  it('shows the beginning and the end of what is very long', () => {
    const name = `first${'x'.repeat(1_000_000)}last`;
    const error = errorOf(() =>
      parseSpec(JSON.stringify(changedSpec(['/annotations', { [name]: 1 }]))),
    );
    expect(error.message).toMatch(/^config.json is not valid: \/annotations\/first/);
    expect(error.message).toMatch(/last: is 1, must be a string$/);
    expect(error.message.length).toBeLessThan(1100);
    expect(error.pointer).toBe(`/annotations/${name}`);
  });

  it('tells all problems at once, by the schema and between fields, on one line', () => {
    const spec = changedSpec(
      ['/process/cwd', 'home'],
      ['/process/user/uid', -1],
      withNamespace('user'),
      withNamespace('pid'),
      ['/linux/sysctl', { 'kernel.core_pattern': 'x' }],
    );
    const error = errorOf(() => parseSpec(JSON.stringify(spec)));
    expect(error.code).toBe('ERR_CONFIG_INVALID');
    expect(error.pointer).toBe('/process/user/uid');
    expect(error.problems).toHaveLength(6);
    expect(error.message).toBe(
      'config.json is not valid: ' +
        [
          '/process/user/uid: is -1, must be an integer from 0 to 4294967295',
          '/process/cwd: is "home", must be an absolute path',
          '/linux/namespaces/6: lists the type pid a second time',
          '/linux/uidMappings: is required for a new user namespace',
          '/linux/gidMappings: is required for a new user namespace',
          '/linux/sysctl/kernel.core_pattern: is not a setting of a namespace, it would change the host',
        ].join('; '),
    );
  });

  it('does not follow up on what is malformed', () => {
    const pointers = (change: [string, unknown]) =>
      specProblems(changedSpec(change)).map(({ pointer }) => pointer);
    expect(pointers(['/hostname', 5])).toEqual(['/hostname']);
    expect(pointers(['/linux/namespaces/0', null])).toEqual(['/linux/namespaces/0']);
    expect(pointers(['/process/rlimits', 'x'])).toEqual(['/process/rlimits']);
  });

  it('never throws anything but a TsrunError, whatever it reads', () => {
    const path = fc.constantFrom(
      ...['/process', '/process/env', '/process/rlimits', '/process/rlimits/0', '/process/user'],
      ...['/process/scheduler', '/mounts', '/mounts/0', '/mounts/0/options', '/hostname', '/hooks'],
      ...['/linux', '/linux/namespaces', '/linux/namespaces/0', '/linux/sysctl', '/linux/seccomp'],
      ...['/linux/uidMappings', '/linux/devices', '/linux/netDevices', '/linux/timeOffsets'],
      ...['/linux/resources', '/ociVersion', '/annotations', '/linux/personality'],
    );
    fc.assert(
      fc.property(path, fc.jsonValue({ maxDepth: 3 }), (pointer, value) => {
        try {
          requireSpec(changedSpec([pointer, value]));
        } catch (error) {
          expect(error).toBeInstanceOf(TsrunError);
          expect((error as TsrunError).message).not.toMatch(/[\n\r]/);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('stays on one line when a name has a line break', () => {
    const spec = changedSpec(['/annotations', { 'a\nb': 1 }]);
    expect(errorOf(() => requireSpec(spec)).message).toBe(
      'config.json is not valid: /annotations/a\\u000ab: is 1, must be a string',
    );
  });

  it('tells of a hundred problems and counts the rest', () => {
    const spec = changedSpec(['/process/env', Array<number>(150).fill(1)]);
    const error = errorOf(() => requireSpec(spec));
    expect(error.problems).toHaveLength(150);
    expect(error.message).toMatch(/; \/process\/env\/99: must be a string; and 50 more$/);
  });

  it('says nothing of an action that is not there', () => {
    const seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['a'], errnoRet: 5 }] };
    expect(specProblems(changedSpec(['/linux/seccomp', seccomp]))).toEqual([
      { pointer: '/linux/seccomp/syscalls/0/action', message: 'is required' },
    ]);
  });

  it.each(['[]', '1', '"x"', 'null'])('refuses %s', (text) => {
    expect(errorOf(() => parseSpec(text)).message).toBe(
      'config.json is not valid: must be an object',
    );
  });
});

describe('null', () => {
  it('means absent for an optional member', () => {
    const spec = changedSpec(
      ['/process/capabilities', null],
      ['/process/rlimits', null],
      ['/process/user', { uid: 5, additionalGids: null }],
      ['/hooks', { prestart: [{ path: '/a', env: null, timeout: null }], poststop: null }],
      ['/linux/resources', { memory: null, pids: { limit: 5 }, cpu: { shares: null } }],
      ['/linux/seccomp', null],
    );
    const before = JSON.stringify(spec);
    const { process, linux, hooks } = parseSpec(before);
    expect(Object.keys(process ?? {})).not.toContain('capabilities');
    expect(process?.user).toEqual({ uid: 5 });
    expect(hooks).toEqual({ prestart: [{ path: '/a' }] });
    expect(linux?.resources).toEqual({ pids: { limit: 5 }, cpu: {} });
    expect(linux).not.toHaveProperty('seccomp');
    expect(requireSpec(spec)).toEqual(parseSpec(before));
    // The caller's own object stays as it is.
    expect(JSON.stringify(spec)).toBe(before);
    expect(parseProcess('{"cwd":"/","args":["a"],"capabilities":null}')).toEqual({
      cwd: '/',
      args: ['a'],
    });
    expect(parseResources('{"memory":null}')).toEqual({});
  });

  it.each<[string, unknown]>([
    ['/ociVersion', null],
    ['/process/cwd', null],
    ['/process/user/uid', null],
    ['/process/args', ['a', null]],
    ['/mounts', [null]],
    ['/annotations', { a: null }],
    ['/linux/sysctl', { 'net.a': null }],
    ['/linux/resources', { unified: { 'memory.high': null } }],
    ['/linux/netDevices', { eth0: null }],
    ['/linux/resources', { rdma: { mlx: null } }],
    ['/linux/resources', { pids: { limit: null } }],
  ])('is refused at %s: %j', (pointer, value) => {
    const error = errorOf(() => requireSpec(changedSpec([pointer, value])));
    expect(error.pointer?.startsWith(pointer)).toBe(true);
  });
});

describe('parts', () => {
  it('reads a process', () => {
    expect(parseProcess('{"cwd": "/", "args": ["a"]}')).toEqual({ cwd: '/', args: ['a'] });
    const error = errorOf(() => parseProcess('{"args": []}', 'p.json'));
    expect(error.message).toBe('p.json is not valid: /cwd: is required; /args: must not be empty');
  });

  it('reads resources', () => {
    expect(parseResources('{"pids": {"limit": -9223372036854775808}}')).toEqual({
      pids: { limit: -9223372036854775808n },
    });
    expect(errorOf(() => parseResources('{"pids": {}}')).pointer).toBe('/pids/limit');
  });
});
