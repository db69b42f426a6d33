import { expect, test } from 'vitest';
import { composeSpec } from '../../../../src/cli/spec/compose.js';
import { CAPABILITIES } from '../../../../src/plan/capabilities.js';
import type { Options } from '../../../../src/cli/table.js';
import type { Spec } from '../../../../src/spec/types.js';
import { validateSpec } from '../../../../src/spec/validate.js';
import { fakeSystem } from '../fake.js';

const ROOT = { getuid: () => [0, 0], getgid: () => [0, 0] } as const;

/** The configuration, which is a valid one, or this throws. */
function compose(
  options: Options<'spec'>,
  command: string[] = [],
  files: Record<string, string> = {},
  caller: object = ROOT,
): Spec {
  const { native } = fakeSystem({
    readText: (path) => files[path] ?? (path === '/proc/self/mountinfo' ? '' : -2),
    ...caller,
  });
  const config = composeSpec(native, options, command);
  expect(validateSpec(JSON.parse(JSON.stringify(config)))).toEqual([]);
  return config;
}

function mount(config: Spec, destination: string) {
  return config.mounts?.find((one) => one.destination === destination);
}

function namespaces(config: Spec): string[] {
  return config.linux?.namespaces?.map(({ type }) => type) ?? [];
}

test('the command is what follows the options', () => {
  expect(compose({}, ['echo', '-n', 'x']).process?.args).toEqual(['echo', '-n', 'x']);
  expect(compose({}).process?.args).toEqual(['sh']);
});

test('values of options are where config.json has them', () => {
  const config = compose({
    hostname: 'box',
    tty: false,
    'read-only': false,
    env: ['A=1', 'TERM=dumb', 'A=2'],
    memory: '64M',
    cpus: '1.5',
  });
  expect(config.hostname).toBe('box');
  expect(config.process?.terminal).toBe(false);
  expect(config.root?.readonly).toBe(false);
  expect(config.process?.env?.slice(1)).toEqual(['TERM=dumb', 'A=2']);
  expect(config.linux?.resources?.memory).toEqual({ limit: 64 * 1024 * 1024 });
  expect(config.linux?.resources?.cpu).toEqual({ quota: 150_000, period: 100_000 });
  // The device rules of the default stay.
  expect(config.linux?.resources?.devices).toEqual([{ allow: false, access: 'rwm' }]);
});

test.each([
  ['1048576', 1048576],
  ['1024k', 1048576],
  ['3G', 3 * 1024 ** 3],
  ['2t', 2 * 1024 ** 4],
  ['-1', -1],
])('--memory %s', (text, bytes) => {
  expect(compose({ memory: text }).linux?.resources?.memory?.limit).toBe(bytes);
});

test.each([
  ['memory', ''],
  ['memory', '0'],
  ['memory', '1.5G'],
  ['memory', '-2'],
  ['memory', '1P'],
  ['memory', '999999999999999T'],
  ['memory', '256'],
  ['memory', '1023K'],
  ['cpus', '0'],
  ['cpus', '0.001'],
  ['cpus', '-1'],
  ['cpus', '1e3'],
  ['network', 'bridge'],
  ['network', ''],
])('--%s %j is refused', (option, text) => {
  expect(() => compose({ [option]: text })).toThrow(
    `spec: invalid value ${JSON.stringify(text)} for --${option}: it must be `,
  );
});

test.each([
  ['bind', '/a'],
  ['bind', ':/b'],
  ['bind', '/a:b'],
  ['bind', '/a:/b:ro:x'],
  ['bind', '/a:/b:r0'],
  ['bind', '/a:/b:ro,size=1m'],
  ['env', 'A'],
  ['env', '=1'],
  ['cap-add', 'CAP_NOPE'],
  ['cap-drop', ''],
  ['userns', '0:1'],
  ['userns', '0:1:0'],
  ['userns', '0:1:2:3'],
  ['userns', '0:4294967295:1'],
  ['userns', 'x:1:2'],
])('--%s %j is refused', (option, text) => {
  expect(() => compose({ [option]: [text] })).toThrow(
    `spec: invalid value ${JSON.stringify(text)} for --${option}: it must be `,
  );
});

test('a bind mount is recursive where it does not say otherwise', () => {
  const config = compose({
    bind: ['/a:/b', 'data:/c:ro,idmap', '/d:/e:bind'],
    userns: ['auto'],
  });
  expect(config.mounts?.slice(-3)).toEqual([
    { destination: '/b', type: 'bind', source: '/a', options: ['rbind'] },
    { destination: '/c', type: 'bind', source: 'data', options: ['rbind', 'ro', 'idmap'] },
    { destination: '/e', type: 'bind', source: '/d', options: ['bind'] },
  ]);
});

test('what is wrong with an option of a bind mount, and with a size that lacks its unit, is said', () => {
  expect(() => compose({ bind: ['/etc:/mnt:r0'] })).toThrow(
    'it must be options of a bind mount, and not "r0"',
  );
  expect(() => compose({ memory: '256' })).toThrow(
    'it must be at least 1M (a number without a unit is bytes)',
  );
});

test('capabilities are dropped first, whatever the order is', () => {
  const { capabilities } = compose({
    'cap-add': ['net_admin', 'CAP_SYS_PTRACE'],
    'cap-drop': ['all'],
  }).process!;
  for (const set of ['bounding', 'effective', 'permitted'] as const) {
    expect(capabilities?.[set]).toEqual(['CAP_NET_ADMIN', 'CAP_SYS_PTRACE']);
  }
  expect(compose({ 'cap-add': ['ALL'] }).process?.capabilities?.bounding).toHaveLength(
    CAPABILITIES.length,
  );
  expect(compose({ 'cap-drop': ['KILL'] }).process?.capabilities?.bounding).toEqual([
    'CAP_AUDIT_WRITE',
    'CAP_NET_BIND_SERVICE',
  ]);
});

test('the network is that of the container, of the host, or of a path', () => {
  expect(namespaces(compose({ network: 'none' }))).toContain('network');
  expect(namespaces(compose({ network: 'host' }))).not.toContain('network');
  expect(mount(compose({ network: 'host' }), '/sys')?.type).toBe('sysfs');
  expect(compose({ network: '/run/netns/a' }).linux?.namespaces).toContainEqual({
    type: 'network',
    path: '/run/netns/a',
  });
});

test('a network that a user namespace does not own gets no sysfs of its own', () => {
  for (const whose of [{ userns: ['auto'] }, { rootless: true }]) {
    const config = compose({ network: 'host', ...whose }, [], {}, 'userns' in whose ? ROOT : {});
    expect(mount(config, '/sys')).toMatchObject({ source: '/sys', type: 'none' });
    expect(namespaces(config)).not.toContain('network');
  }
});

test('--userns maps the ids of root by ranges or by itself', () => {
  const config = compose({ userns: ['0:1000:1', '1:200000:500'] });
  const mappings = [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 200000, size: 500 },
  ];
  expect(config.linux?.uidMappings).toEqual(mappings);
  expect(config.linux?.gidMappings).toEqual(mappings);
  expect(namespaces(config)).toContain('user');
  const range = [{ containerID: 0, hostID: 100000, size: 65536 }];
  expect(compose({ userns: ['auto'] }).linux).toMatchObject({
    uidMappings: range,
    gidMappings: range,
  });
  expect(() => compose({ userns: ['auto', '0:1:1'] })).toThrow('it must be alone, or ranges');
});

const SUBORDINATE = {
  '/etc/passwd': 'root:x:0:0::/:/bin/sh\nann:x:1000:100::/:/bin/sh\n',
  '/etc/subuid': 'bob:5:5\nann:300000:65536\n1000:900000:10\n',
  '/etc/subgid': 'ann:400000:65536\n',
};

test('an unprivileged caller gets its own id and those of subuid(5)', () => {
  const config = compose({ rootless: true, userns: ['auto'] }, [], SUBORDINATE, {});
  expect(config.linux?.uidMappings).toEqual([
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 300000, size: 65536 },
    { containerID: 65537, hostID: 900000, size: 10 },
  ]);
  expect(config.linux?.gidMappings).toEqual([
    { containerID: 0, hostID: 100, size: 1 },
    { containerID: 1, hostID: 400000, size: 65536 },
  ]);
  // Group 5 is there to be asked for.
  expect(mount(config, '/dev/pts')?.options).toContain('gid=5');
  expect(() =>
    compose({ rootless: true, userns: ['auto'] }, [], { '/etc/subuid': 'bob:1:1\n' }, {}),
  ).toThrow(
    'spec: cannot find ids for --userns auto in /etc/subuid: it has no range for the caller',
  );
});

test('a system container boots init, and may write where an init system must', () => {
  const config = compose({ system: true });
  expect(config.process).toMatchObject({
    args: ['/sbin/init'],
    terminal: false,
    noNewPrivileges: false,
  });
  expect(config.process?.env).toContain('container=oci');
  expect(config.root?.readonly).toBe(false);
  expect(mount(config, '/sys/fs/cgroup')?.options).toContain('rw');
  for (const path of ['/run', '/run/lock', '/tmp']) {
    expect(mount(config, path)?.type).toBe('tmpfs');
  }
  expect(config.process?.capabilities?.bounding).toContain('CAP_SYS_ADMIN');
  expect(config.process?.capabilities?.bounding).not.toContain('CAP_SYS_MODULE');
});

test('privileged and unprivileged system containers differ in one setting', () => {
  const config = compose({ system: true, userns: ['auto'] });
  expect(namespaces(config)).toContain('user');
  const more = ['CAP_CHECKPOINT_RESTORE', 'CAP_MAC_ADMIN', 'CAP_MAC_OVERRIDE', 'CAP_SYS_BOOT'];
  const privileged = compose({ system: true }).process?.capabilities?.bounding ?? [];
  expect(privileged.filter((name) => more.includes(name))).toEqual([]);
  expect(config.process?.capabilities?.bounding?.slice().sort()).toEqual(
    [...privileged, ...more].sort(),
  );
});

test('profiles are merged in their order, and options come after them', () => {
  const files = {
    '/p/a.json': JSON.stringify({
      process: { args: ['a'], env: ['A=1', 'TERM=a'], rlimits: [limit('RLIMIT_CORE', 0)] },
      mounts: [{ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' }],
      annotations: { a: '1', b: '1' },
    }),
    '/p/b.json':
      '{"process":{"args":["b","c"],"rlimits":[{"type":"RLIMIT_CORE","soft":18446744073709551615,' +
      '"hard":18446744073709551615}]},"annotations":{"b":"2"},"hostname":null,' +
      '"mounts":[{"destination":"/sys","type":"none","source":"/sys","options":["rbind"]}]}',
  };
  const { native } = fakeSystem({
    readText: (path) =>
      (files as Record<string, string>)[path] ?? (path === '/proc/self/mountinfo' ? '' : -2),
    ...(ROOT as object),
  });
  const config = composeSpec(
    native,
    { profile: ['/p/a.json', '/p/b.json'], env: ['A=2'], bind: ['/x:/y'] },
    [],
  );
  expect(config.process?.args).toEqual(['b', 'c']);
  expect(config.process?.env?.slice(1)).toEqual(['TERM=a', 'A=2']);
  expect(config.process?.rlimits).toEqual([
    limit('RLIMIT_NOFILE', 1024),
    // Exact, though no number holds it.
    limit('RLIMIT_CORE', 18446744073709551615n),
  ]);
  expect(config.annotations).toEqual({ a: '1', b: '2' });
  expect(config).not.toHaveProperty('hostname');
  expect(mount(config, '/sys')?.type).toBe('none');
  expect(config.mounts?.slice(-2).map(({ destination }) => destination)).toEqual(['/tmp', '/y']);
});

function limit(type: string, value: number | bigint) {
  return { type, soft: value, hard: value };
}

test.each([
  ['is not there', undefined, 'cannot read the profile /p: no such file or directory'],
  ['is not JSON', '{', 'the profile /p is not valid JSON: line 1'],
  ['is an array', '[]', 'the profile /p must be an object'],
  ['is no part of a config.json', '{"process":{"cwd":1}}', '/process/cwd: is 1, must be a string'],
  ['names what every object has', '{"__proto__":{"x":1}}', undefined],
])('a profile that %s', (_, text, message) => {
  const files: Record<string, string> = text === undefined ? {} : { '/p': text };
  const act = () => compose({ profile: ['/p'] }, [], files);
  if (message === undefined) expect(act).not.toThrow();
  else expect(act).toThrow(message);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
});
