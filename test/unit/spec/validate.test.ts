import { describe, expect, it } from 'vitest';
import { validateProcess, validateResources, validateSpec } from '../../../src/spec/validate.js';
import type { Change } from './specs.js';
import { changedSpec, validSpec } from './specs.js';

describe('validateSpec', () => {
  it('accepts a valid spec, and does not change it', () => {
    const spec = validSpec();
    expect(validateSpec(spec)).toEqual([]);
    expect(spec).toEqual(validSpec());
  });

  it.each<[string, unknown]>([
    ['/unknown', { a: [null] }],
    ['/process/unknown', 1],
    ['/linux/resources/unknown', 'x'],
    ['/solaris', {}],
    ['/windows', { layerFolders: 1 }],
    ['/vm', {}],
    ['/zos', { namespaces: 'ignored' }],
    ['/freebsd', { jail: { vnet: 'new', ip4: 'disable' } }],
    ['/process/user', undefined],
    ['/process/user/umask', 511],
    ['/process/oomScoreAdj', -1000],
    ['/process/capabilities', { bounding: ['CAP_OF_TOMORROW'] }],
    ['/process/rlimits/0/hard', 18446744073709551615n],
    ['/process/rlimits/0/hard', 1024n],
    ['/process/rlimits/0/soft', 0],
    ['/mounts/0/destination', 'relative'],
    ['/linux/resources/memory', { limit: -1, swap: 9223372036854775807n }],
    ['/linux/resources/rdma', { mlx: { hcaObjects: 1 } }],
    ['/linux/resources/blockIO', { weightDevice: [{ major: 8, minor: 0, leafWeight: 1 }] }],
    ['/linux/resources/devices/0/major', -1],
    ['/linux/timeOffsets', { monotonic: { secs: -9223372036854775808n, nanosecs: 999999999 } }],
    ['/linux/rootfsPropagation', 'rslave'],
    ['/linux/rootfsPropagation', ''],
    ['/linux/devices', [{ type: 'p', path: '/dev/pipe' }]],
    ['/linux/devices', [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 8630 }]],
    ['/linux/namespaces/0/path', ''],
    ['/hooks', { poststop: [{ path: '/bin/true', timeout: 1 }] }],
    ['/ociVersion', '1.0.2-dev+build.5'],
  ])('accepts %s %o', (pointer, value) => {
    expect(validateSpec(changedSpec([pointer, value]))).toEqual([]);
  });

  const uint32 = 'must be an integer from 0 to 4294967295';
  const uint64 = 'must be an integer from 0 to 18446744073709551615';
  const absolute = 'must be an absolute path';
  it.each<[Change, string, string]>([
    [['/ociVersion', undefined], '/ociVersion', 'is required'],
    [['/ociVersion', '1.3'], '/ociVersion', 'must be a semantic version such as 1.3.0'],
    [['/process', []], '/process', 'must be an object'],
    [['/process', null], '/process', 'must be an object'],
    [['/process/args', []], '/process/args', 'must not be empty'],
    [['/process/args/0', 1], '/process/args/0', 'must be a string'],
    [['/process/args/0', 'a\0b'], '/process/args/0', 'must not contain a NUL character'],
    [['/process/env/0', 'a=\0'], '/process/env/0', 'must not contain a NUL character'],
    [['/process/cwd', undefined], '/process/cwd', 'is required'],
    [['/process/cwd', 'home'], '/process/cwd', absolute],
    [['/process/cwd', ''], '/process/cwd', absolute],
    [['/process/terminal', 'yes'], '/process/terminal', 'must be a boolean'],
    [['/process/consoleSize', { width: 80 }], '/process/consoleSize/height', 'is required'],
    [['/process/user/uid', undefined], '/process/user/uid', 'is required'],
    [['/process/user/uid', -1], '/process/user/uid', uint32],
    [['/process/user/uid', 4294967296], '/process/user/uid', uint32],
    [['/process/user/uid', 18446744073709551615n], '/process/user/uid', uint32],
    [['/process/user/uid', 1.5], '/process/user/uid', uint32],
    [['/process/user/gid', '0'], '/process/user/gid', uint32],
    [['/process/user/umask', 512], '/process/user/umask', 'must be an integer from 0 to 511'],
    [['/process/user/additionalGids', [1, -1]], '/process/user/additionalGids/1', uint32],
    [['/process/capabilities', ['CAP_CHOWN']], '/process/capabilities', 'must be an object'],
    [
      ['/process/capabilities/ambient', 'CAP_CHOWN'],
      '/process/capabilities/ambient',
      'must be an array',
    ],
    [
      ['/process/oomScoreAdj', 1001],
      '/process/oomScoreAdj',
      'must be an integer from -1000 to 1000',
    ],
    [['/process/rlimits/0/hard', 18446744073709551616n], '/process/rlimits/0/hard', uint64],
    [['/process/rlimits/0/hard', -1], '/process/rlimits/0/hard', uint64],
    // Not the integer that was written: somebody rounded it.
    [['/process/rlimits/0/hard', 2 ** 60], '/process/rlimits/0/hard', uint64],
    [['/process/rlimits/0/soft', undefined], '/process/rlimits/0/soft', 'is required'],
    [
      ['/process/rlimits/0/type', 'NOFILE'],
      '/process/rlimits/0/type',
      'must be the name of a resource limit such as RLIMIT_NOFILE',
    ],
    [
      ['/process/scheduler', { policy: 'SCHED_OTHER', nice: 20 }],
      '/process/scheduler/nice',
      'must be an integer from -20 to 19',
    ],
    [['/process/scheduler', {}], '/process/scheduler/policy', 'is required'],
    [
      ['/process/ioPriority', { class: 'IOPRIO_CLASS_NONE', priority: 0 }],
      '/process/ioPriority/class',
      'must be IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE',
    ],
    [
      ['/process/ioPriority', { class: 'IOPRIO_CLASS_BE', priority: 8 }],
      '/process/ioPriority/priority',
      'must be an integer from 0 to 7',
    ],
    [
      ['/process/execCPUAffinity', { initial: 'all' }],
      '/process/execCPUAffinity/initial',
      'must be a list of CPUs such as 0-3,7',
    ],
    [['/root/path', ''], '/root/path', 'must be a path'],
    [['/root', {}], '/root/path', 'is required'],
    [['/mounts/0/destination', undefined], '/mounts/0/destination', 'is required'],
    [['/mounts/0/options', 'ro'], '/mounts/0/options', 'must be an array'],
    [
      ['/mounts/0/uidMappings', [{ containerID: 0, hostID: 0, size: 0 }]],
      '/mounts/0/uidMappings/0/size',
      'must be an integer from 1 to 4294967295',
    ],
    [['/hooks/prestart', [{ path: 'bin' }]], '/hooks/prestart/0/path', absolute],
    [['/hooks/prestart', [{ path: '' }]], '/hooks/prestart/0/path', absolute],
    [
      ['/hooks/poststop', [{ path: '/a', timeout: 0 }]],
      '/hooks/poststop/0/timeout',
      'must be an integer from 1 to 2147483647',
    ],
    [['/annotations', { a: 1 }], '/annotations/a', 'must be a string'],
    [['/annotations', { 'a/b~c': 1 }], '/annotations/a~1b~0c', 'must be a string'],
    [
      ['/linux/namespaces/0/type', 'net'],
      '/linux/namespaces/0/type',
      'must be pid, network, mount, ipc, uts, user, cgroup or time',
    ],
    [['/linux/namespaces/0/path', 'proc/1/ns/pid'], '/linux/namespaces/0/path', absolute],
    [['/linux/maskedPaths/0', 'proc'], '/linux/maskedPaths/0', absolute],
    [['/linux/readonlyPaths/0', 'proc'], '/linux/readonlyPaths/0', absolute],
    [
      ['/linux/rootfsPropagation', 'both'],
      '/linux/rootfsPropagation',
      'must be private, shared, slave, unbindable, rprivate, rshared, rslave or runbindable',
    ],
    [['/linux/sysctl', { 'net.a': 1 }], '/linux/sysctl/net.a', 'must be a string'],
    [['/linux/timeOffsets', { realtime: {} }], '/linux/timeOffsets/realtime', 'is not known here'],
    [
      ['/linux/timeOffsets', { boottime: { nanosecs: 1000000000 } }],
      '/linux/timeOffsets/boottime/nanosecs',
      'must be an integer from 0 to 999999999',
    ],
    [
      ['/linux/devices', [{ type: 'x', path: '/dev/x', major: 1, minor: 1 }]],
      '/linux/devices/0/type',
      'must be c, b, u or p',
    ],
    [
      ['/linux/devices', [{ type: 'c', path: '/dev/x', minor: 1 }]],
      '/linux/devices/0/major',
      'is required',
    ],
    [['/linux/devices', [{ type: 'p', path: 'dev/x' }]], '/linux/devices/0/path', absolute],
    [
      ['/linux/resources/devices/0/access', 'rx'],
      '/linux/resources/devices/0/access',
      'must be made of the letters r, w and m',
    ],
    [
      ['/linux/resources/devices/0/type', 'p'],
      '/linux/resources/devices/0/type',
      'must be a, c or b',
    ],
    [
      ['/linux/resources/devices/0/allow', undefined],
      '/linux/resources/devices/0/allow',
      'is required',
    ],
    [
      ['/linux/resources/memory', { limit: -2 }],
      '/linux/resources/memory/limit',
      'must be an integer from -1 to 9223372036854775807',
    ],
    [
      ['/linux/resources/memory', { limit: 9223372036854775808n }],
      '/linux/resources/memory/limit',
      'must be an integer from -1 to 9223372036854775807',
    ],
    [
      ['/linux/resources/pids', { limit: -9223372036854775809n }],
      '/linux/resources/pids/limit',
      'must be an integer from -9223372036854775808 to 9223372036854775807',
    ],
    [
      ['/linux/resources/rdma', { mlx: {} }],
      '/linux/resources/rdma/mlx',
      'needs hcaHandles or hcaObjects',
    ],
    [
      ['/linux/resources/blockIO', { weightDevice: [{ major: 8, minor: 0 }] }],
      '/linux/resources/blockIO/weightDevice/0',
      'needs weight or leafWeight',
    ],
    [
      [
        '/linux/seccomp',
        { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: [], action: 'SCMP_ACT_KILL' }] },
      ],
      '/linux/seccomp/syscalls/0/names',
      'must not be empty',
    ],
    [['/linux/personality', {}], '/linux/personality/domain', 'is required'],
    [
      ['/linux/intelRdt', { memBwSchema: 'L3:' }],
      '/linux/intelRdt/memBwSchema',
      'must be one line that starts with MB:',
    ],
    [['/solaris', 1], '/solaris', 'must be an object'],
    [['/freebsd', { jail: { host: 'disable' } }], '/freebsd/jail/host', 'must be new or inherit'],
  ])('rejects %o', (change, pointer, message) => {
    const rules = validateSpec(changedSpec(change)).map((problem) => ({
      ...problem,
      message: problem.message.replace(/^is [^]*, (?=must )/, ''),
    }));
    expect(rules).toEqual([{ pointer, message }]);
  });

  it.each<[[string, unknown], string]>([
    [['/linux/namespaces/0/type', 'net'], 'is "net", must be pid, network, mount, '],
    [['/process/user/uid', -1], 'is -1, must be an integer from 0 to 4294967295'],
    [['/process/user/uid', 18446744073709551615n], 'is 18446744073709551615, must be an integer'],
    [['/process/args/0', 'a\0b'], 'is "a\\u0000b", must not contain a NUL character'],
    [['/process/cwd', {}], 'is an object, must be a string'],
    [['/process', []], 'is an array, must be an object'],
    [['/hostname', null], 'is null, must be a string'],
    [
      ['/root/path', 'x'.repeat(999) + '\0'],
      `is "${'x'.repeat(49)}...${'x'.repeat(43)}\\u0000", must be a path`,
    ],
    // It may hold a password.
    [['/process/env', ['A=secret\0']], 'must not contain a NUL character'],
  ])('shows the value of %o', (change, message) => {
    const [problem] = validateSpec(changedSpec(change));
    expect(problem?.message.slice(0, message.length)).toBe(message);
  });

  it.each([undefined, null, 1, 1n, 'x', true, []])('rejects %s', (value) => {
    expect(validateSpec(value)).toEqual([{ pointer: '', message: 'must be an object' }]);
  });

  it('keeps 64-bit seccomp arguments', () => {
    const arg = { index: 0, value: 18446744073709551615n, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' };
    const seccomp = (args: unknown[]) => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['clone'], action: 'SCMP_ACT_ERRNO', args }],
    });
    expect(validateSpec(changedSpec(['/linux/seccomp', seccomp([arg])]))).toEqual([]);
    expect(validateSpec(changedSpec(['/linux/seccomp', seccomp([{ ...arg, index: 6 }])]))).toEqual([
      {
        pointer: '/linux/seccomp/syscalls/0/args/0/index',
        message: 'is 6, must be an integer from 0 to 5',
      },
    ]);
  });

  it('tells every problem', () => {
    const problems = validateSpec(
      changedSpec(
        ['/process/cwd', 'x'],
        ['/process/args', []],
        ['/root', undefined],
        ['/mounts/0', {}],
        ['/linux/namespaces/1', {}],
      ),
    );
    expect(problems.map(({ pointer }) => pointer).sort()).toEqual([
      '/linux/namespaces/1/type',
      '/mounts/0/destination',
      '/process/args',
      '/process/cwd',
    ]);
  });
});

describe('parts of a spec', () => {
  it('validates a process alone', () => {
    expect(validateProcess(validSpec().process)).toEqual([]);
    expect(validateProcess({ args: ['a'] })).toEqual([{ pointer: '/cwd', message: 'is required' }]);
  });

  it('validates resources alone', () => {
    expect(validateResources({ memory: { limit: 1 } })).toEqual([]);
    expect(validateResources({ memory: { limit: '1' } }).map(({ pointer }) => pointer)).toEqual([
      '/memory/limit',
    ]);
  });
});
