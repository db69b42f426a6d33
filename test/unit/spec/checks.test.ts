import { describe, expect, it } from 'vitest';
import { checkMalformedSpec, checkProcess, checkSpec } from '../../../src/spec/checks.js';
import type { Spec } from '../../../src/spec/types.js';
import { validateSpec } from '../../../src/spec/validate.js';
import type { Change } from './specs.js';
import { changedSpec, validSpec, withNamespace, withUserNamespace } from './specs.js';

/** `pointer: message` of what the rules find in a spec that the schema accepts. */
function findings(changes: Change[]): string[] {
  const spec = changedSpec(...changes);
  expect(validateSpec(spec)).toEqual([]);
  return checkSpec(spec as Spec).map(({ pointer, message }) => `${pointer}: ${message}`);
}

const without = (type: string): Change => [
  '/linux/namespaces',
  validSpec().linux.namespaces.filter((namespace) => namespace.type !== type),
];
const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const limit = (type: string, soft: number | bigint, hard: number | bigint) => ({
  type,
  soft,
  hard,
});
const deadline = (runtime?: number | bigint, deadline?: number | bigint, period?: number) => ({
  policy: 'SCHED_DEADLINE',
  ...(runtime === undefined ? {} : { runtime }),
  ...(deadline === undefined ? {} : { deadline }),
  ...(period === undefined ? {} : { period }),
});
const seccomp = (more: object) => ({ defaultAction: 'SCMP_ACT_ALLOW', ...more });

interface Case {
  accepted: Change[][];
  rejected: [Change[], ...string[]][];
}

const cases: Record<string, Case> = {
  ociVersion: {
    accepted: [[['/ociVersion', '1.0.2-dev']], [['/ociVersion', '1.99.0']]],
    rejected: [
      [[['/ociVersion', '2.0.0']], '/ociVersion: must be 1.x, 2.0.0 is not supported'],
      [[['/ociVersion', '0.5.0']], '/ociVersion: must be 1.x, 0.5.0 is not supported'],
      [[['/ociVersion', '10.0.0']], '/ociVersion: must be 1.x, 10.0.0 is not supported'],
    ],
  },
  duplicateNamespaces: {
    accepted: [[]],
    rejected: [
      [
        [withNamespace('uts', '/proc/1/ns/uts')],
        '/linux/namespaces/5: lists the type uts a second time',
      ],
    ],
  },
  userNamespaceMappings: {
    accepted: [withUserNamespace(), [withNamespace('user', '/proc/1/ns/user')]],
    rejected: [
      [
        [withNamespace('user')],
        '/linux/uidMappings: is required for a new user namespace',
        '/linux/gidMappings: is required for a new user namespace',
      ],
      [
        [...withUserNamespace(), ['/linux/gidMappings', []]],
        '/linux/gidMappings: is required for a new user namespace',
      ],
    ],
  },
  mappingsNamespace: {
    // podman gives mappings along with the path of a namespace.
    accepted: [
      [
        withNamespace('user', '/proc/1/ns/user'),
        ['/linux/uidMappings', [map(0, 0, 1)]],
        ['/linux/gidMappings', [map(0, 0, 1)]],
      ],
      [['/linux/uidMappings', []]],
    ],
    rejected: [
      [
        [['/linux/uidMappings', [map(0, 0, 1)]]],
        '/linux/uidMappings: needs a user namespace in /linux/namespaces',
      ],
    ],
  },
  idMappingRanges: {
    accepted: [
      [...withUserNamespace(), ['/linux/uidMappings', [map(0, 1000, 1), map(1, 100000, 10)]]],
      [...withUserNamespace(), ['/linux/uidMappings', [map(0, 0, 4294967295)]]],
      [
        ...withUserNamespace(),
        ['/linux/uidMappings', Array.from({ length: 340 }, (_, i) => map(i, i, 1))],
      ],
    ],
    rejected: [
      [
        [...withUserNamespace(), ['/linux/uidMappings', [map(0, 1000, 10), map(9, 2000, 10)]]],
        '/linux/uidMappings/1: its containerID range overlaps that of /linux/uidMappings/0',
      ],
      [
        [...withUserNamespace(), ['/linux/gidMappings', [map(0, 1000, 10), map(10, 1009, 10)]]],
        '/linux/gidMappings/1: its hostID range overlaps that of /linux/gidMappings/0',
      ],
      [
        [...withUserNamespace(), ['/linux/gidMappings', [map(0, 1, 4294967295)]]],
        '/linux/gidMappings/0: its hostID range goes beyond 4294967294',
      ],
      [
        [
          ...withUserNamespace(),
          ['/linux/uidMappings', Array.from({ length: 341 }, (_, i) => map(i, i, 1))],
        ],
        '/linux/uidMappings: must not have more than 340 ranges',
      ],
    ],
  },
  userMapped: {
    accepted: [
      [...withUserNamespace(), ['/process/user', { uid: 65535, gid: 0, additionalGids: [5] }]],
      [withNamespace('user', '/proc/1/ns/user'), ['/process/user/uid', 99999]],
    ],
    rejected: [
      [
        [
          ...withUserNamespace(),
          ['/process/user', { uid: 65536, gid: 65537, additionalGids: [1, 70000] }],
        ],
        '/process/user/uid: is not mapped by /linux/uidMappings',
        '/process/user/gid: is not mapped by /linux/gidMappings',
        '/process/user/additionalGids/1: is not mapped by /linux/gidMappings',
      ],
    ],
  },
  timeOffsetsNamespace: {
    accepted: [
      [withNamespace('time'), ['/linux/timeOffsets', { monotonic: { secs: 1 } }]],
      [['/linux/timeOffsets', {}]],
    ],
    rejected: [
      [
        [['/linux/timeOffsets', { boottime: { secs: 1 } }]],
        '/linux/timeOffsets: needs a new time namespace in /linux/namespaces',
      ],
      [
        [
          withNamespace('time', '/proc/1/ns/time'),
          ['/linux/timeOffsets', { boottime: { secs: 1 } }],
        ],
        '/linux/timeOffsets: needs a new time namespace in /linux/namespaces',
      ],
    ],
  },
  utsNames: {
    accepted: [
      [
        ['/hostname', 'a'.repeat(64)],
        ['/domainname', 'b'],
      ],
      [without('uts'), ['/hostname', '']],
    ],
    rejected: [
      [[without('uts')], '/hostname: needs a uts namespace in /linux/namespaces'],
      [
        [without('uts'), ['/hostname', undefined], ['/domainname', 'a']],
        '/domainname: needs a uts namespace in /linux/namespaces',
      ],
      [[['/hostname', 'ä'.repeat(33)]], '/hostname: must not be longer than 64 bytes'],
    ],
  },
  hiddenPathsNamespace: {
    accepted: [[without('mount'), ['/linux/maskedPaths', []], ['/linux/readonlyPaths', undefined]]],
    rejected: [
      [
        [without('mount')],
        '/linux/maskedPaths: needs a mount namespace in /linux/namespaces',
        '/linux/readonlyPaths: needs a mount namespace in /linux/namespaces',
      ],
    ],
  },
  netDevices: {
    accepted: [[['/linux/netDevices', { eth0: { name: 'inside' }, 'eth1.100': {} }]]],
    rejected: [
      [
        [without('network'), ['/linux/netDevices', { eth0: {} }]],
        '/linux/netDevices: needs a network namespace in /linux/namespaces',
      ],
      [
        [['/linux/netDevices', { 'a/b': {}, eth0: { name: 'sixteen-bytes-ab' } }]],
        '/linux/netDevices/a~1b: is not the name of a network interface',
        '/linux/netDevices/eth0/name: must be the name of a network interface',
      ],
      [
        [['/linux/netDevices', { eth0: { name: 'x' }, x: {} }]],
        '/linux/netDevices/x: is a second device to be called x',
      ],
    ],
  },
  sysctls: {
    accepted: [
      [
        [
          '/linux/sysctl',
          {
            'net.ipv4.ip_forward': '1',
            'net/ipv4/conf/eth0.100/rp_filter': '1',
            'kernel.shm_rmid_forced': '1',
            'kernel/msgmax': '1',
            'fs.mqueue.msg_max': '1',
            'kernel.domainname': 'x',
          },
        ],
      ],
      // A namespace to be joined counts too: managers share pods' that way.
      [
        without('network'),
        withNamespace('network', '/run/netns/a'),
        ['/linux/sysctl', { 'net.ipv4.ip_forward': '1' }],
      ],
    ],
    rejected: [
      [
        [['/linux/sysctl', { 'kernel.core_pattern': '|x', 'vm/swappiness': '1' }]],
        '/linux/sysctl/kernel.core_pattern: is not a setting of a namespace, it would change the host',
        '/linux/sysctl/vm~1swappiness: is not a setting of a namespace, it would change the host',
      ],
      [
        [['/linux/sysctl', { 'net/../kernel/core_pattern': '|x', 'net..x': '', '': '' }]],
        '/linux/sysctl/net~1..~1kernel~1core_pattern: is not the name of a sysctl',
        '/linux/sysctl/net..x: is not the name of a sysctl',
        '/linux/sysctl/: is not the name of a sysctl',
      ],
      [
        [without('network'), ['/linux/sysctl', { 'net.ipv4.ip_forward': '1' }]],
        '/linux/sysctl/net.ipv4.ip_forward: needs a network namespace in /linux/namespaces, else it would change the host',
      ],
      [
        [without('ipc'), ['/linux/sysctl', { 'kernel.sem': '1', 'fs.mqueue.msg_max': '1' }]],
        '/linux/sysctl/kernel.sem: needs an ipc namespace in /linux/namespaces, else it would change the host',
        '/linux/sysctl/fs.mqueue.msg_max: needs an ipc namespace in /linux/namespaces, else it would change the host',
      ],
      [
        [without('uts'), ['/hostname', undefined], ['/linux/sysctl', { 'kernel.domainname': 'x' }]],
        '/linux/sysctl/kernel.domainname: needs a uts namespace in /linux/namespaces, else it would change the host',
      ],
      [
        [
          ['/domainname', 'y'],
          ['/linux/sysctl', { 'kernel.hostname': 'x', 'kernel.domainname': 'x' }],
        ],
        '/linux/sysctl/kernel.hostname: is set by /hostname',
        '/linux/sysctl/kernel.domainname: is set by /domainname',
      ],
    ],
  },
  mountIDMappings: {
    accepted: [
      [
        ['/mounts/0/uidMappings', [map(0, 1000, 1)]],
        ['/mounts/0/gidMappings', [map(0, 1000, 1)]],
        ['/mounts/0/options', ['bind', 'idmap']],
      ],
    ],
    rejected: [
      [
        [['/mounts/0/uidMappings', [map(0, 1000, 1)]]],
        '/mounts/0/gidMappings: is required with uidMappings',
      ],
      [
        [
          ['/mounts/0/uidMappings', []],
          ['/mounts/0/gidMappings', [map(0, 1000, 2), map(1, 9, 1)]],
        ],
        '/mounts/0/uidMappings: is required with gidMappings',
        '/mounts/0/gidMappings/1: its containerID range overlaps that of /mounts/0/gidMappings/0',
      ],
    ],
  },
  idmapOptions: {
    accepted: [[...withUserNamespace(), ['/mounts/0/options', ['bind', 'idmap']]]],
    rejected: [
      [
        [['/mounts/0/options', ['rbind', 'ridmap']]],
        '/mounts/0/options/1: needs uidMappings and gidMappings, or a user namespace in /linux/namespaces',
      ],
    ],
  },
  conflictingDevices: {
    accepted: [
      [
        [
          '/linux/devices',
          [
            { type: 'c', path: '/dev/x', major: 1, minor: 3 },
            { type: 'u', path: '/dev//x', major: 1, minor: 3 },
            { type: 'p', path: '/dev/y' },
          ],
        ],
      ],
    ],
    rejected: [
      [
        [
          [
            '/linux/devices',
            [
              { type: 'c', path: '/dev/x', major: 1, minor: 3 },
              { type: 'c', path: '/dev/x', major: 1, minor: 5 },
            ],
          ],
        ],
        '/linux/devices/1: is another device at the path of /linux/devices/0',
      ],
    ],
  },
  rlimits: {
    accepted: [
      [
        [
          '/process/rlimits',
          [
            limit('RLIMIT_CORE', 0, 18446744073709551615n),
            limit('RLIMIT_AS', 18446744073709551615n, 18446744073709551615n),
          ],
        ],
      ],
    ],
    rejected: [
      [
        [['/process/rlimits', [limit('RLIMIT_CORE', 0, 0), limit('RLIMIT_CORE', 1, 1)]]],
        '/process/rlimits/1: sets RLIMIT_CORE a second time',
      ],
      [
        [['/process/rlimits', [limit('RLIMIT_CORE', 18446744073709551615n, 9)]]],
        '/process/rlimits/0/soft: must not be greater than hard',
      ],
      [
        [['/process/rlimits', [limit('RLIMIT_FOO', 1, 1)]]],
        '/process/rlimits/0/type: RLIMIT_FOO is not a resource limit of Linux',
      ],
    ],
  },
  environment: {
    accepted: [[['/process/env', ['A=', 'B=c=d']]]],
    rejected: [
      [
        [['/process/env', ['A=1', 'B', '=c']]],
        "/process/env/1: must have a '=' after the name",
        "/process/env/2: must have a name before the '='",
      ],
    ],
  },
  consoleSize: {
    accepted: [
      [['/process/consoleSize', { height: 70000, width: 1 }]],
      [
        ['/process/terminal', true],
        ['/process/consoleSize', { height: 65535, width: 0 }],
      ],
    ],
    rejected: [
      [
        [
          ['/process/terminal', true],
          ['/process/consoleSize', { height: 70000, width: 1 }],
        ],
        '/process/consoleSize/height: is 70000, must be an integer from 0 to 65535',
      ],
    ],
  },
  scheduler: {
    accepted: [
      [['/process/scheduler', { policy: 'SCHED_BATCH', nice: 5, priority: 0, runtime: 0 }]],
      [['/process/scheduler', { policy: 'SCHED_FIFO', nice: 0, priority: 99 }]],
      [['/process/scheduler', deadline(2000, 3000, 3000)]],
      [['/process/scheduler', { ...deadline(2000, 3000, 3000), nice: 5 }]],
      [['/process/scheduler', deadline(2000, 9007199254740993n)]],
    ],
    rejected: [
      [
        [['/process/scheduler', { policy: 'SCHED_IDLE', nice: 1, priority: 1, period: 1 }]],
        '/process/scheduler/priority: means nothing to SCHED_IDLE, only to SCHED_FIFO and SCHED_RR',
        '/process/scheduler/period: means nothing to SCHED_IDLE, only to SCHED_DEADLINE',
      ],
      [
        [['/process/scheduler', { policy: 'SCHED_RR' }]],
        '/process/scheduler/priority: is 0, must be an integer from 1 to 99 for SCHED_RR',
      ],
      [
        [['/process/scheduler', deadline()]],
        '/process/scheduler/runtime: must be at least 1024 for SCHED_DEADLINE',
        '/process/scheduler/deadline: must not be less than runtime for SCHED_DEADLINE',
      ],
      [
        [['/process/scheduler', deadline(3000, 4000, 3500)]],
        '/process/scheduler/period: must not be less than deadline',
      ],
    ],
  },
  ioPriority: {
    accepted: [
      [['/process/ioPriority', { class: 'IOPRIO_CLASS_IDLE' }]],
      [['/process/ioPriority', { class: 'IOPRIO_CLASS_RT', priority: 0 }]],
    ],
    rejected: [
      [
        [['/process/ioPriority', { class: 'IOPRIO_CLASS_BE' }]],
        '/process/ioPriority/priority: is required for IOPRIO_CLASS_BE',
      ],
    ],
  },
  execCPUAffinity: {
    accepted: [[['/process/execCPUAffinity', { initial: '0-3,7', final: '' }]]],
    rejected: [
      [
        [['/process/execCPUAffinity', { initial: '3-1', final: '1,' }]],
        '/process/execCPUAffinity/initial: is 3-1, must be a list of CPUs such as 0-3,7',
        '/process/execCPUAffinity/final: is 1,, must be a list of CPUs such as 0-3,7',
      ],
    ],
  },
  personalityFlags: {
    accepted: [[['/linux/personality', { domain: 'LINUX32', flags: [] }]]],
    rejected: [
      [
        [['/linux/personality', { domain: 'LINUX', flags: ['ADDR_NO_RANDOMIZE'] }]],
        '/linux/personality/flags: must be empty: the specification defines none',
      ],
    ],
  },
  intelRdtClass: {
    accepted: [[['/linux/intelRdt', { closID: 'guaranteed' }]]],
    rejected: [
      [
        [['/linux/intelRdt', { closID: '..' }]],
        '/linux/intelRdt/closID: must be the name of a directory',
      ],
      [
        [['/linux/intelRdt', { closID: 'a/b' }]],
        '/linux/intelRdt/closID: must be the name of a directory',
      ],
    ],
  },
  unifiedFiles: {
    accepted: [[['/linux/resources/unified', { 'memory.high': '1' }]]],
    rejected: [
      [
        [['/linux/resources/unified', { '../memory.high': '1' }]],
        '/linux/resources/unified/..~1memory.high: must be the name of a cgroup file',
      ],
    ],
  },
  cpuBurst: {
    accepted: [
      [['/linux/resources/cpu', { quota: 10, burst: 10 }]],
      [['/linux/resources/cpu', { quota: -1, burst: 10 }]],
    ],
    rejected: [
      [
        [['/linux/resources/cpu', { quota: 10, burst: 11 }]],
        '/linux/resources/cpu/burst: must not be greater than quota',
      ],
    ],
  },
  seccompMetadata: {
    accepted: [[['/linux/seccomp', seccomp({ listenerPath: '/s', listenerMetadata: 'x' })]]],
    rejected: [
      [
        [['/linux/seccomp', seccomp({ listenerMetadata: 'x' })]],
        '/linux/seccomp/listenerMetadata: needs listenerPath',
      ],
    ],
  },
  seccompNotify: {
    accepted: [
      [
        [
          '/linux/seccomp',
          seccomp({
            listenerPath: '/s',
            syscalls: [{ names: ['mknod'], action: 'SCMP_ACT_NOTIFY' }],
          }),
        ],
      ],
    ],
    rejected: [
      [
        [['/linux/seccomp', seccomp({ defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/s' })]],
        '/linux/seccomp/defaultAction: must not be SCMP_ACT_NOTIFY',
      ],
      [
        [
          [
            '/linux/seccomp',
            seccomp({ syscalls: [{ names: ['mknod'], action: 'SCMP_ACT_NOTIFY' }] }),
          ],
        ],
        '/linux/seccomp/syscalls/0/action: needs /linux/seccomp/listenerPath',
      ],
    ],
  },
  seccompErrno: {
    accepted: [[['/linux/seccomp', { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 }]]],
    rejected: [
      [
        [
          [
            '/linux/seccomp',
            seccomp({
              defaultErrnoRet: 1,
              syscalls: [{ names: ['mknod'], action: 'SCMP_ACT_KILL', errnoRet: 1 }],
            }),
          ],
        ],
        '/linux/seccomp/defaultErrnoRet: means nothing to SCMP_ACT_ALLOW',
        '/linux/seccomp/syscalls/0/errnoRet: means nothing to SCMP_ACT_KILL',
      ],
      [
        [
          [
            '/linux/seccomp',
            {
              defaultAction: 'SCMP_ACT_TRACE',
              defaultErrnoRet: 65536,
              syscalls: [{ names: ['mknod'], action: 'SCMP_ACT_ERRNO', errnoRet: 4096 }],
            },
          ],
        ],
        '/linux/seccomp/defaultErrnoRet: is greater than any errno',
        '/linux/seccomp/syscalls/0/errnoRet: is greater than any errno',
      ],
    ],
  },
};

describe.each(Object.entries(cases))('%s', (_name, { accepted, rejected }) => {
  it.each(accepted.map((changes) => ({ changes })))('accepts $changes', ({ changes }) => {
    expect(findings(changes)).toEqual([]);
  });

  it.each(rejected.map(([changes, ...expected]) => ({ changes, expected })))(
    'rejects $changes',
    ({ changes, expected }) => {
      expect(findings(changes)).toEqual(expected);
    },
  );
});

describe('checkProcess', () => {
  it('points from the process', () => {
    expect(checkProcess({ cwd: '/', env: ['A'] })).toEqual([
      { pointer: '/env/0', message: "must have a '=' after the name" },
    ]);
  });
});

describe('checkMalformedSpec', () => {
  it('shows what is there in the place of a name', () => {
    const spec = validSpec() as object;
    const seccomp = { defaultAction: { a: [1] }, defaultErrnoRet: 1, syscalls: [] };
    const scheduler = { policy: null, priority: 1 };
    const process = { ...(spec as Spec).process, scheduler };
    const messages = checkMalformedSpec({ ...spec, process, linux: { seccomp } }, []).map(
      ({ message }) => message,
    );
    expect(messages).toEqual(
      expect.arrayContaining([
        'means nothing to {"a":[1]}',
        'means nothing to null, only to SCHED_FIFO and SCHED_RR',
      ]),
    );
  });
});
