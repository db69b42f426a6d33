import { describe, expect, it, test } from 'vitest';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../../src/native/constants.js';
import { CAP_MKNOD } from '../../../src/plan/capabilities.js';
import { planContainer } from '../../../src/plan/container.js';
import type { PlanFacts } from '../../../src/plan/plan.js';
import { SyncPoint } from '../../../src/plan/steps.js';
import type { Linux, Mount } from '../../../src/spec/types.js';
import {
  DEFAULT_MOUNTS,
  facts,
  NAMESPACES,
  onlyStep,
  operations,
  position,
  spec,
  stepsOf,
  userFacts,
} from './support.js';

const RANGE = [{ containerID: 0, hostID: 100000, size: 65536 }];
const SELF = [{ containerID: 0, hostID: 1000, size: 1 }];
const SYSCTL = { 'net.ipv4.ip_forward': '1' };
const WITH_USER = [...NAMESPACES, { type: 'user' as const }];

describe('the default configuration', () => {
  const plan = planContainer(spec(), facts());

  it('is this list of operations', () => {
    expect(operations(plan)).toEqual([
      'dumpable',
      'unshare',
      'propagation',
      'root',
      'root-propagation',
      'session',
      'keyring',
      'loopback',
      'hostname',
      'mount*6',
      'bind',
      'device*6',
      'symlink*6',
      'pivot',
      'root-attributes',
      'readonly*2',
      'mask*2',
      'forget',
      'stdio-owner',
      'affinity',
      'umask',
      'rlimit',
      'cwd',
      'no-new-privileges',
      'credentials',
      'cwd',
      'find',
      'sync',
      'gate',
      'exec',
    ]);
  });

  it('makes the namespaces', () => {
    expect(plan.cloneFlags).toBe(CLONE_NEWPID);
    const others = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
    expect(onlyStep(plan, 'unshare').flags).toBe(others);
    expect(plan.namespaces).toBe(CLONE_NEWPID | others);
    expect(plan).not.toHaveProperty('idMaps');
  });

  it('needs nothing but the fifos and the root file system from the parent', () => {
    expect(plan.inputs).toEqual([
      { kind: 'fifo', at: '' },
      { kind: 'report', at: '' },
      { kind: 'root', at: '/root/path' },
    ]);
    expect(onlyStep(plan, 'root').slot).toBe(2);
    expect(onlyStep(plan, 'forget').keep).toEqual([0, 1]);
    expect(onlyStep(plan, 'gate')).toMatchObject({ fifo: 0, report: 1 });
    expect(plan.slots).toBe(3);
    expect(onlyStep(plan, 'sync').point).toBe(SyncPoint.ready);
  });

  it('mounts in the order of the configuration', () => {
    expect(stepsOf(plan, 'mount').map(({ at, type, target }) => [at, type, target])).toEqual([
      ['/mounts/0', 'proc', '/proc'],
      ['/mounts/1', 'tmpfs', '/dev'],
      ['/mounts/2', 'devpts', '/dev/pts'],
      ['/mounts/3', 'tmpfs', '/dev/shm'],
      ['/mounts/4', 'mqueue', '/dev/mqueue'],
      ['/mounts/5', 'sysfs', '/sys'],
    ]);
    // Mounting cgroup2 again would show the same and take 20 ms.
    expect(onlyStep(plan, 'bind')).toMatchObject({
      at: '/mounts/6',
      source: '/sys/fs/cgroup',
      slot: -1,
      target: '/sys/fs/cgroup',
      attrSet: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    });
  });

  it('makes the default devices and links', () => {
    expect(
      stepsOf(plan, 'device').map(
        ({ target, mode, major, minor }) => `${target} ${mode.toString(8)} ${major}:${minor}`,
      ),
    ).toEqual([
      '/dev/null 20666 1:3',
      '/dev/zero 20666 1:5',
      '/dev/full 20666 1:7',
      '/dev/random 20666 1:8',
      '/dev/urandom 20666 1:9',
      '/dev/tty 20666 5:0',
    ]);
    expect(stepsOf(plan, 'symlink').map(({ target, contents }) => `${target} ${contents}`)).toEqual(
      [
        '/dev/fd /proc/self/fd',
        '/dev/stdin /proc/self/fd/0',
        '/dev/stdout /proc/self/fd/1',
        '/dev/stderr /proc/self/fd/2',
        '/dev/core /proc/kcore',
        '/dev/ptmx pts/ptmx',
      ],
    );
  });

  it('finds and runs the program', () => {
    expect(onlyStep(plan, 'root').path).toBe('/bundle/rootfs');
    expect(onlyStep(plan, 'find')).toMatchObject({ file: 'sh', directories: ['/usr/bin', '/bin'] });
    expect(onlyStep(plan, 'exec')).toMatchObject({
      args: ['sh'],
      env: ['PATH=/usr/bin:/bin', 'TERM=xterm', 'HOME=/'],
    });
    expect(onlyStep(plan, 'rlimit')).toMatchObject({ resource: 7, soft: 1024n, hard: 1024n });
    expect(plan.limits).toEqual([]);
    expect(plan.terminal).toBe(false);
    expect(plan.warnings).toEqual([]);
  });

  it('does not change the configuration', () => {
    const input = spec();
    const before = JSON.stringify(input);
    planContainer(input, facts());
    expect(JSON.stringify(input)).toBe(before);
  });

  it('takes the new procfs while the host can still be seen', () => {
    const writing = planContainer(spec({ linux: { sysctl: SYSCTL } }), facts());
    expect(onlyStep(writing, 'proc').private).toBe(true);
    expect(position(writing, 'proc')).toBeLessThan(position(writing, 'pivot'));
    // Only sysctls are written through it.
    expect(operations(plan)).not.toContain('proc');
  });
});

describe('a new user namespace of a privileged caller', () => {
  const plan = planContainer(
    spec({
      mounts: [
        ...DEFAULT_MOUNTS,
        { destination: '/data', source: '/secret', options: ['rbind', 'ro'] },
        { destination: '/vol', source: 'vol', options: ['bind', 'rprivate'] },
      ],
      linux: { namespaces: WITH_USER, uidMappings: RANGE, gidMappings: RANGE },
    }),
    facts(),
  );

  it('protects the process, maps ids, becomes root, then makes the rest', () => {
    expect(plan.cloneFlags).toBe(0);
    expect(onlyStep(plan, 'fork').flags).toBe(CLONE_NEWUSER | CLONE_NEWPID);
    expect(plan.idMaps).toEqual({ uidMappings: RANGE, gidMappings: RANGE });
    // The parent raises what the process may not raise itself any more.
    expect(plan.limits).toEqual([{ at: '/process/rlimits/0', resource: 7, hard: 1024n }]);
    expect(operations(plan).slice(0, 10)).toEqual([
      'dumpable',
      'fork',
      'sync',
      'unshare',
      'propagation',
      'lock-tree*3',
      'root',
      'root-propagation',
      'become',
      'unshare',
    ]);
    expect(plan.steps[2]).toMatchObject({ op: 'sync', point: SyncPoint.idMap });
    expect(onlyStep(plan, 'become')).toMatchObject({ uid: 0, gid: 0, clearGroups: true });
    expect(stepsOf(plan, 'unshare').map(({ flags }) => flags)).toEqual([
      CLONE_NEWNS,
      CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
    ]);
  });

  it('has the parent make devices, for the ids of the container, where it may', () => {
    const linux = {
      namespaces: WITH_USER,
      uidMappings: RANGE,
      gidMappings: RANGE,
      devices: [
        { type: 'c' as const, path: '/dev/other', major: 10, minor: 229, fileMode: 0o640, uid: 7 },
      ],
    };
    const made = planContainer(spec({ linux }), facts({ mountLabel: 'u:object_r:box_t:s0' }));
    const { hostID = 0 } = RANGE[0] ?? {};
    const device = made.inputs.findIndex(({ kind }) => kind === 'device');
    expect(made.inputs[device]).toEqual({
      ...{ kind: 'device', at: '/linux/devices/0', path: '/dev/other', mode: 0o20640 },
      ...{ major: 10, minor: 229, uid: hostID + 7, gid: hostID, label: 'u:object_r:box_t:s0' },
    });
    expect(stepsOf(made, 'bind').find(({ slot }) => slot === device)).toMatchObject({
      target: '/dev/other',
    });
    // A namespace whose mappings are not known, and a caller that may not make any.
    const joined = [...NAMESPACES, { type: 'user' as const, path: '/proc/9/ns/user' }];
    for (const plain of [
      planContainer(spec({ linux: { ...linux, namespaces: joined } }), facts()),
      planContainer(spec({ linux }), facts({ effective: facts().effective & ~CAP_MKNOD })),
    ]) {
      expect(plain.inputs.filter(({ kind }) => kind === 'device')).toEqual([]);
      expect(stepsOf(plain, 'bind')).toContainEqual(
        expect.objectContaining({ at: '/linux/devices/0', source: '/dev/other' }),
      );
    }
  });

  it('has the parent open what is bound, devices too', () => {
    const paths = plan.inputs.flatMap((input) => (input.kind === 'tree' ? [input.path] : []));
    expect(paths).toEqual([
      '/sys/fs/cgroup',
      '/secret',
      '/bundle/vol',
      '/dev/null',
      '/dev/zero',
      '/dev/full',
      '/dev/random',
      '/dev/urandom',
      '/dev/tty',
    ]);
    expect(stepsOf(plan, 'device')).toEqual([]);
    const binds = stepsOf(plan, 'bind');
    expect(binds).toHaveLength(9);
    for (const { slot, source } of binds) {
      expect(plan.inputs[slot]).toMatchObject({ kind: 'tree', path: source });
    }
  });

  it('cuts the trees of the parent off the peer groups of the host', () => {
    const [, data, vol] = stepsOf(plan, 'bind');
    expect(data).toMatchObject({ propagation: MS_SLAVE | MS_REC, attrSet: MOUNT_ATTR_RDONLY });
    expect(vol).toMatchObject({ propagation: MS_PRIVATE | MS_REC });
  });

  it('shows the cgroups read-only, whatever is asked for', () => {
    const writable = spec({
      mounts: [{ destination: '/cg', type: 'cgroup', source: 'cgroup', options: ['rw'] }],
      linux: { namespaces: WITH_USER, uidMappings: RANGE, gidMappings: RANGE },
    });
    const result = planContainer(writable, facts());
    expect(stepsOf(result, 'bind')[0]).toMatchObject({
      recursiveSet: MOUNT_ATTR_RDONLY,
      attrClear: 0,
    });
    expect(result.warnings).toEqual([
      '/mounts/0: read-only, since the container has no cgroup namespace',
    ]);
  });

  it('can grant what the caller lacks', () => {
    const capabilities = { permitted: ['CAP_SYS_RESOURCE'], bounding: ['CAP_SYS_RESOURCE'] };
    const namespaces = { namespaces: WITH_USER, uidMappings: RANGE, gidMappings: RANGE };
    const lacking = facts({ bounding: 0n });
    const inside = planContainer(spec({ process: { capabilities }, linux: namespaces }), lacking);
    expect(onlyStep(inside, 'credentials').permitted).toBe(1n << 24n);
    const outside = planContainer(spec({ process: { capabilities } }), lacking);
    expect(onlyStep(outside, 'credentials').permitted).toBe(0n);
  });
});

describe('an ordinary user', () => {
  const rootless = (gidMappings: typeof SELF, change = {}) =>
    spec({
      mounts: [{ destination: '/data', source: '/home/me/data', options: ['rbind'] }],
      linux: { namespaces: WITH_USER, uidMappings: SELF, gidMappings },
      ...change,
    });

  it('opens sources itself, before it becomes somebody else', () => {
    const plan = planContainer(rootless(SELF), userFacts());
    expect(operations(plan).slice(0, 9)).toEqual([
      'sync',
      'dumpable',
      'unshare',
      'propagation',
      'open-tree*7',
      'root',
      'root-propagation',
      'become',
      'unshare',
    ]);
    expect(stepsOf(plan, 'open-tree')[0]).toMatchObject({
      path: '/home/me/data',
      recursive: true,
      slot: 3,
    });
    expect(stepsOf(plan, 'bind')[0]).toMatchObject({ slot: 3, propagation: 0 });
    expect(plan.inputs.map(({ kind }) => kind)).toEqual(['fifo', 'report', 'root']);
    expect(plan.slots).toBe(10);
  });

  it('leaves groups alone where setgroups is denied', () => {
    const single = planContainer(rootless(SELF), userFacts());
    expect(onlyStep(single, 'become').clearGroups).toBe(false);
    expect(onlyStep(single, 'credentials').setGroups).toBe(false);
    const mapped = planContainer(rootless(RANGE), userFacts());
    expect(onlyStep(mapped, 'become').clearGroups).toBe(true);
    expect(onlyStep(mapped, 'credentials').setGroups).toBe(true);
    const denied = planContainer(rootless(RANGE), userFacts({ setgroupsDenied: true }));
    expect(onlyStep(denied, 'credentials').setGroups).toBe(false);
  });

  it('is refused additional groups where setgroups is denied', () => {
    const groups = { user: { uid: 0, gid: 0, additionalGids: [0] } };
    expect(() => planContainer(rootless(SELF, { process: groups }), userFacts())).toThrow(
      '/process/user/additionalGids: cannot be set',
    );
  });

  it('becomes an id that is mapped', () => {
    const mappings = [{ containerID: 1000, hostID: 1000, size: 1 }];
    const plan = planContainer(
      spec({
        mounts: [],
        linux: { namespaces: WITH_USER, uidMappings: mappings, gidMappings: mappings },
      }),
      userFacts(),
    );
    expect(onlyStep(plan, 'become')).toMatchObject({ uid: 1000, gid: 1000 });
  });
});

describe('root in a user namespace (rootless podman)', () => {
  const plan = planContainer(spec(), facts({ initialUserNamespace: false }));

  it('binds devices by path and becomes nobody', () => {
    expect(stepsOf(plan, 'device')).toEqual([]);
    expect(stepsOf(plan, 'become')).toEqual([]);
    expect(stepsOf(plan, 'bind').map(({ source, slot }) => [source, slot])).toContainEqual([
      '/dev/null',
      -1,
    ]);
  });

  it('makes fifos all the same', () => {
    const devices = [
      { type: 'p' as const, path: '/dev/pipe' },
      { type: 'c' as const, path: '/dev/fuse', major: 10, minor: 229 },
    ];
    const result = planContainer(
      spec({ linux: { devices } }),
      facts({ initialUserNamespace: false }),
    );
    expect(stepsOf(result, 'device').map(({ target }) => target)).toEqual(['/dev/pipe']);
    expect(stepsOf(result, 'bind').map(({ at }) => at)).toContain('/linux/devices/1');
  });

  it("uses the host's procfs when the pid namespace is not its own", () => {
    const namespaces = NAMESPACES.filter(({ type }) => type !== 'pid');
    const shared = planContainer(
      spec({ linux: { namespaces, sysctl: SYSCTL } }),
      facts({ initialUserNamespace: false }),
    );
    expect(onlyStep(shared, 'proc').private).toBe(false);
    const ours = planContainer(spec({ linux: { namespaces, sysctl: SYSCTL } }), facts());
    expect(onlyStep(ours, 'proc').private).toBe(true);
  });
});

describe('joined namespaces', () => {
  it('are opened by the parent and entered in turn', () => {
    const plan = planContainer(
      spec({
        linux: {
          namespaces: [
            { type: 'pid', path: '/proc/7/ns/pid' },
            { type: 'network', path: '/run/netns/x' },
            { type: 'mount' },
            { type: 'uts' },
          ],
        },
      }),
      facts(),
    );
    expect(plan.cloneFlags).toBe(0);
    expect(plan.inputs.slice(0, 2)).toEqual([
      { kind: 'namespace', at: '/linux/namespaces/0', path: '/proc/7/ns/pid', flag: CLONE_NEWPID },
      { kind: 'namespace', at: '/linux/namespaces/1', path: '/run/netns/x', flag: CLONE_NEWNET },
    ]);
    expect(operations(plan).slice(0, 4)).toEqual(['dumpable', 'setns*2', 'fork', 'unshare']);
    expect(stepsOf(plan, 'setns').map(({ fd, flags }) => [fd, flags])).toEqual([
      [1, CLONE_NEWNET],
      [0, CLONE_NEWPID],
    ]);
    // Somebody else's network is up already.
    expect(stepsOf(plan, 'loopback')).toEqual([]);
    expect(plan.namespaces).toBe(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS);
  });

  it('are left out when they are the own ones', () => {
    const namespaces = [
      { type: 'mount' as const },
      { type: 'network' as const, path: '/proc/self/ns/net' },
    ];
    const plan = planContainer(
      spec({ hostname: '', linux: { namespaces } }),
      facts({ ownNamespaces: CLONE_NEWNET }),
    );
    expect(stepsOf(plan, 'setns')).toEqual([]);
    expect(plan.namespaces).toBe(CLONE_NEWNS);
  });

  it("keeps the runtime's own names as they are", () => {
    const namespaces = [
      { type: 'mount' as const },
      { type: 'uts' as const, path: '/proc/self/ns/uts' },
    ];
    expect(() =>
      planContainer(spec({ linux: { namespaces } }), facts({ ownNamespaces: CLONE_NEWUTS })),
    ).toThrow("/hostname: the uts namespace is the runtime's own");
  });
});

describe('time', () => {
  it('is set before the process is protected', () => {
    const plan = planContainer(
      spec({
        linux: {
          namespaces: [...NAMESPACES, { type: 'time' }],
          timeOffsets: { boottime: { secs: 60 } },
        },
      }),
      facts(),
    );
    expect(operations(plan).slice(0, 2)).toEqual(['time', 'dumpable']);
    expect(onlyStep(plan, 'time').offsets).toBe('boottime 60 0\n');
    expect(plan.namespaces & CLONE_NEWTIME).toBe(CLONE_NEWTIME);
  });
});

test('a path that is named twice is hidden once', () => {
  const paths = ['/proc/kcore', '/proc/keys', '/proc/./kcore', '/proc/keys/'];
  const plan = planContainer(
    spec({ linux: { maskedPaths: paths, readonlyPaths: paths } }),
    facts(),
  );
  for (const op of ['mask', 'readonly'] as const) {
    expect(stepsOf(plan, op).map(({ at, target }) => [at.split('/').at(-1), target])).toEqual([
      ['0', '/proc/kcore'],
      ['1', '/proc/keys'],
    ]);
  }
});

describe('hooks', () => {
  const hooks = {
    prestart: [{ path: '/p' }],
    createContainer: [{ path: '/c', args: ['c', 'x'], env: ['A=b'], timeout: 3 }],
    startContainer: [{ path: '/s' }],
  };
  const plan = planContainer(
    spec({ hooks, process: { terminal: true }, annotations: { a: 'b' } }),
    facts(),
  );

  it('come in the order of the spec', () => {
    const list = operations(plan);
    const at = (op: string) => list.indexOf(op);
    expect(plan.steps.find(({ op }) => op === 'sync')).toMatchObject({
      point: SyncPoint.runtimeHooks,
    });
    expect(at('symlink*6')).toBeLessThan(at('sync'));
    expect(at('sync')).toBeLessThan(at('hook'));
    expect(list.slice(at('hook'), at('hook') + 3)).toEqual(['hook', 'console', 'pivot']);
    expect(list.slice(-3)).toEqual(['gate', 'hook', 'exec']);
  });

  it('read the state', () => {
    const [create, start] = stepsOf(plan, 'hook');
    expect(create).toMatchObject({
      at: '/hooks/createContainer/0',
      path: '/c',
      args: ['c', 'x'],
      env: ['A=b'],
      timeout: 3,
    });
    expect(JSON.parse(`${create!.before}42${create!.after}`)).toEqual({
      ociVersion: '1.3.0',
      id: 'c1',
      status: 'creating',
      pid: 42,
      bundle: '/bundle',
      annotations: { a: 'b' },
    });
    expect(start).toMatchObject({ at: '/hooks/startContainer/0', args: ['/s'], timeout: 0 });
    expect(JSON.parse(`${start!.before}1${start!.after}`)).toMatchObject({ status: 'created' });
  });

  it('have the environment of the process at its start, and none before, unless they have one', () => {
    const both = [{ path: '/h' }, { path: '/h', env: [] }];
    const plan = planContainer(
      spec({
        hooks: { createContainer: both, startContainer: both },
        process: { env: ['A=b', 'HOME=/h'] },
      }),
      facts(),
    );
    expect(stepsOf(plan, 'hook').map(({ env }) => env)).toEqual([[], [], ['A=b', 'HOME=/h'], []]);
  });

  it('run in the root file system until that is the root', () => {
    const both = { createContainer: [{ path: '/c' }], startContainer: [{ path: '/s' }] };
    const places = (plan: ReturnType<typeof planContainer>): unknown[] =>
      stepsOf(plan, 'hook').map(({ inRoot, slot }) => [inRoot, slot]);
    expect(places(planContainer(spec({ hooks: both }), facts()))).toEqual([
      [true, -1],
      [false, -1],
    ]);
    const chroot = planContainer(
      spec({
        hooks: both,
        root: { path: 'rootfs' },
        linux: { namespaces: [{ type: 'uts' }], maskedPaths: [], readonlyPaths: [] },
        mounts: [],
      }),
      facts(),
    );
    expect(places(chroot)).toEqual([
      [true, onlyStep(chroot, 'chroot').slot],
      [false, -1],
    ]);
  });

  it('cost no stop when there are none of the runtime', () => {
    const plan = planContainer(spec({ hooks: { createContainer: [{ path: '/c' }] } }), facts());
    expect(stepsOf(plan, 'sync').map(({ point }) => point)).toEqual([SyncPoint.ready]);
  });

  it('of the container that may fail cost one when poststop hooks are to follow', () => {
    const hooks = { createContainer: [{ path: '/c' }], poststop: [{ path: '/p' }] };
    const plan = planContainer(spec({ hooks }), facts());
    expect(stepsOf(plan, 'sync').map(({ point }) => point)).toEqual([
      SyncPoint.runtimeHooks,
      SyncPoint.ready,
    ]);
  });
});

describe('the terminal', () => {
  it('has the size and the owner of the process', () => {
    const plan = planContainer(
      spec({
        process: {
          terminal: true,
          consoleSize: { width: 80, height: 24 },
          user: { uid: 5, gid: 5 },
        },
      }),
      facts(),
    );
    expect(plan.terminal).toBe(true);
    expect(onlyStep(plan, 'console')).toMatchObject({
      columns: 80,
      rows: 24,
      uid: 5,
      mountConsole: true,
      bareNewlines: false,
    });
    const devpts = position(plan, 'mount', (step) => step.op === 'mount' && step.type === 'devpts');
    expect(devpts).toBeLessThan(position(plan, 'console'));
  });
});

describe('the root', () => {
  it('is pivoted, moved or changed', () => {
    const moved = planContainer(spec(), facts({ noPivot: true, hostMounts: ['/proc', '/sys'] }));
    expect(stepsOf(moved, 'cover')).toMatchObject([{ path: '/proc' }, { path: '/sys' }]);
    expect(position(moved, 'cover')).toBeLessThan(position(moved, 'move-root'));
    const bare = planContainer(
      {
        ...spec({ mounts: [], root: { path: '/r' }, hostname: '' }),
        linux: {},
      },
      facts(),
    );
    expect(onlyStep(bare, 'chroot').path).toBe('/r');
    expect(stepsOf(bare, 'root')).toEqual([]);
    expect(stepsOf(bare, 'propagation')).toEqual([]);
    expect(bare.namespaces).toBe(0);
  });

  it('needs a mount namespace for what would change the host', () => {
    const namespaces = [{ type: 'pid' as const }];
    expect(() => planContainer(spec({ linux: { namespaces } }), facts())).toThrow(
      '/mounts: needs a mount namespace',
    );
    expect(() => planContainer(spec({ mounts: [], linux: { namespaces } }), facts())).toThrow(
      '/root/readonly: needs a mount namespace',
    );
  });

  it.each([
    ['shared', MS_PRIVATE | MS_REC, MS_SHARED],
    ['rshared', MS_PRIVATE | MS_REC, MS_SHARED | MS_REC],
    ['slave', MS_SLAVE | MS_REC, MS_SLAVE],
    ['rprivate', MS_PRIVATE | MS_REC, MS_PRIVATE | MS_REC],
    ['unbindable', MS_PRIVATE | MS_REC, MS_UNBINDABLE],
  ] as const)('has rootfsPropagation %s', (rootfsPropagation, tree, root) => {
    const plan = planContainer(spec({ linux: { rootfsPropagation } }), facts());
    expect(onlyStep(plan, 'propagation').flags).toBe(tree);
    const first = (tree & MS_SLAVE) === 0 ? [] : [MS_PRIVATE];
    expect(stepsOf(plan, 'root-propagation').map(({ flags }) => flags)).toEqual([...first, root]);
    expect(onlyStep(plan, 'root').sharing).toBe((root & MS_SHARED) !== 0);
  });

  it('takes an empty rootfsPropagation for none', () => {
    const plan = planContainer(spec({ linux: { rootfsPropagation: '' } }), facts());
    expect(plan).toEqual(planContainer(spec(), facts()));
  });

  it('shares bind mounts with the host when it is shared itself', () => {
    const mounts = [{ destination: '/a', source: '/b', options: ['rbind', 'rshared'] }];
    const plan = planContainer(spec({ mounts, linux: { rootfsPropagation: 'rshared' } }), facts());
    expect(position(plan, 'open-tree')).toBeLessThan(position(plan, 'propagation'));
    expect(onlyStep(plan, 'bind')).toMatchObject({ slot: 3, propagation: MS_SHARED | MS_REC });
    expect(plan.slots).toBe(4);
  });

  it.each([true, false])(
    'shares nothing with the host but bind mounts of `mounts`, for a caller with all rights: %s',
    (privileged) => {
      const mounts = [
        { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' },
        { destination: '/a', source: '/b', options: ['rbind'] },
      ];
      for (const namespaces of [[], [{ type: 'user' as const }]]) {
        const linux = {
          namespaces: [...NAMESPACES, ...namespaces],
          rootfsPropagation: 'rshared' as const,
        };
        const plan = planContainer(
          spec({ mounts, linux }),
          (privileged ? facts : userFacts)({ notifyDirectory: '/n' }),
        );
        const shared = stepsOf(plan, 'bind').filter(({ propagation }) => propagation === 0);
        expect(shared.map(({ target }) => target)).toEqual(['/a']);
      }
    },
  );

  it('gets the directory of the process while it is writable', () => {
    const plan = planContainer(spec({ process: { cwd: '/work' } }), facts());
    expect(onlyStep(plan, 'mkdir')).toMatchObject({ target: '/work', mode: 0o755 });
    expect(position(plan, 'mkdir')).toBeLessThan(position(plan, 'root-attributes'));
    expect(stepsOf(plan, 'cwd').map(({ path, late }) => [path, late])).toEqual([
      ['/work', false],
      ['/work', true],
    ]);
  });
});

describe('/dev', () => {
  it.each<[string, Mount]>([
    ['bound', { destination: '/dev/', type: 'bind', source: '/dev', options: ['rbind'] }],
    ['the devtmpfs of the host', { destination: '/dev', type: 'devtmpfs', source: 'devtmpfs' }],
  ])('is left alone when it is %s', (_, mount) => {
    const mounts = [mount];
    const plan = planContainer(spec({ mounts }), facts());
    expect(stepsOf(plan, 'device')).toEqual([]);
    expect(stepsOf(plan, 'symlink')).toEqual([]);
  });

  it('has the devices of the configuration in place of the default ones', () => {
    const devices = [
      { type: 'c' as const, path: '/dev/null', major: 1, minor: 3, fileMode: 0o600, uid: 7 },
      { type: 'b' as const, path: '/dev/sda', major: 8, minor: 0, fileMode: 0o60660 },
      { type: 'u' as const, path: '/dev/x', major: 9, minor: 1 },
    ];
    const steps = stepsOf(planContainer(spec({ linux: { devices } }), facts()), 'device');
    expect(steps).toHaveLength(8);
    expect(steps.slice(5).map(({ at, mode, uid }) => [at, mode.toString(8), uid])).toEqual([
      ['/linux/devices/0', '20600', 7],
      ['/linux/devices/1', '60660', 0],
      ['/linux/devices/2', '20666', 0],
    ]);
  });

  it('becomes read-only when everything is in it', () => {
    const mounts = [{ destination: '/dev', type: 'tmpfs', options: ['ro', 'nosuid'] }];
    const plan = planContainer(spec({ mounts }), facts());
    expect(onlyStep(plan, 'mount').attrSet).toBe(MOUNT_ATTR_NOSUID);
    expect(onlyStep(plan, 'remount')).toMatchObject({
      at: '/mounts/0',
      target: '/dev',
      attrSet: MOUNT_ATTR_RDONLY,
    });
    expect(position(plan, 'symlink')).toBeLessThan(position(plan, 'remount'));
  });
});

describe('sysctls', () => {
  it('are files below /proc/sys, written before they are made read-only', () => {
    const sysctl = { 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eth0.100/rp_filter': '0' };
    const plan = planContainer(spec({ linux: { sysctl } }), facts());
    expect(stepsOf(plan, 'sysctl').map(({ at, file, value }) => [at, file, value])).toEqual([
      ['/linux/sysctl/net.ipv4.ip_forward', 'net/ipv4/ip_forward', '1'],
      [
        '/linux/sysctl/net~1ipv4~1conf~1eth0.100~1rp_filter',
        'net/ipv4/conf/eth0.100/rp_filter',
        '0',
      ],
    ]);
    expect(position(plan, 'sysctl')).toBeLessThan(position(plan, 'readonly'));
  });

  it('stay below /proc/sys', () => {
    expect(() =>
      planContainer(spec({ linux: { sysctl: { 'net/../../x': '1' } } }), facts()),
    ).toThrow('not the name of a sysctl');
  });
});

describe('service managers', () => {
  const plan = planContainer(
    spec({ mounts: [] }),
    facts({ listenFds: 2, notifyDirectory: '/run/tsrun/c1/notify' }),
  );

  it('find a socket for READY inside', () => {
    expect(onlyStep(plan, 'bind')).toMatchObject({
      source: '/run/tsrun/c1/notify',
      target: '/run/notify',
      attrSet: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    });
    expect(onlyStep(plan, 'exec').env).toContain('NOTIFY_SOCKET=/run/notify/notify.sock');
  });

  it('pass sockets', () => {
    expect(onlyStep(plan, 'exec').env).toEqual(
      expect.arrayContaining(['LISTEN_FDS=2', 'LISTEN_PID=1']),
    );
  });
});

describe('the process', () => {
  it('is set up in the order that the kernel asks for', () => {
    const plan = planContainer(
      spec({
        process: {
          scheduler: { policy: 'SCHED_BATCH', nice: 5 },
          ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 4 },
          user: { uid: 1, gid: 2, umask: 0o077, additionalGids: [5, 6] },
          oomScoreAdj: 100,
        },
        linux: { personality: { domain: 'LINUX32' } },
      }),
      facts(),
    );
    const list = operations(plan);
    expect(list.slice(list.indexOf('stdio-owner'))).toEqual([
      'stdio-owner',
      'affinity',
      'scheduler',
      'ioprio',
      'umask',
      'rlimit',
      'personality',
      'cwd',
      'no-new-privileges',
      'credentials',
      'cwd',
      'find',
      'sync',
      'gate',
      'exec',
    ]);
    expect(onlyStep(plan, 'scheduler')).toMatchObject({ policy: 3, nice: 5, flags: 0 });
    expect(onlyStep(plan, 'ioprio').value).toBe((2 << 13) | 4);
    expect(onlyStep(plan, 'umask').mask).toBe(0o077);
    expect(onlyStep(plan, 'personality').persona).toBe(8);
    expect(onlyStep(plan, 'credentials')).toMatchObject({
      uid: 1,
      gid: 2,
      groups: [5, 6],
      setGroups: true,
    });
    expect(onlyStep(plan, 'stdio-owner').uid).toBe(1);
    expect(plan.oomScoreAdj).toBe(100);
  });

  it.each([
    // Behind the namespaces, which are made before the plan is there.
    [
      'without a user namespace',
      NAMESPACES,
      ['dumpable', 'unshare', 'propagation', 'root', 'root-propagation', 'sync'],
    ],
    // Before nobody may look into the process any more.
    ['in a user namespace', [...NAMESPACES, { type: 'user' }] as const, ['sync']],
  ])('gets its OOM score from the parent %s', (_, namespaces, before) => {
    const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const linux = {
      namespaces: [...namespaces],
      ...(namespaces === NAMESPACES ? {} : { uidMappings: mapping, gidMappings: mapping }),
    };
    const process = { ...spec().process!, oomScoreAdj: 100 };
    const plan = planContainer({ ...spec({ linux }), process }, facts());
    const at = plan.steps.findIndex(
      (step) => step.op === 'sync' && step.point === SyncPoint.oomScoreAdj,
    );
    expect(plan.steps.slice(0, at + 1).map(({ op }) => op)).toEqual(before);
  });

  it('is root with a umask of 022 unless said otherwise', () => {
    const { user: _, ...process } = spec().process!;
    const plan = planContainer({ ...spec(), process }, facts());
    expect(onlyStep(plan, 'credentials')).toMatchObject({ uid: 0, gid: 0, groups: [] });
    expect(onlyStep(plan, 'umask').mask).toBe(0o022);
    expect(plan).not.toHaveProperty('oomScoreAdj');
  });

  it('must be there', () => {
    const { process: _, ...rest } = spec();
    expect(() => planContainer(rest, facts())).toThrow('/process: must be given');
    expect(() => planContainer(spec({ process: { args: [] } }), facts())).toThrow(
      '/process/args: must name a program',
    );
  });
});

describe('a cgroup namespace', () => {
  it('gets a mount of its own', () => {
    const plan = planContainer(
      spec({ linux: { namespaces: [...NAMESPACES, { type: 'cgroup' }] } }),
      facts(),
    );
    expect(stepsOf(plan, 'mount').find(({ at }) => at === '/mounts/6')).toMatchObject({
      type: 'cgroup2',
      target: '/sys/fs/cgroup',
      attrSet: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      options: [],
    });
    expect(onlyStep(plan, 'unshare').flags & CLONE_NEWCGROUP).toBe(CLONE_NEWCGROUP);
  });
});

describe('a cgroup below that of the limits', () => {
  const inside = (linux: Partial<Linux>, host: PlanFacts) =>
    planContainer(spec({ linux }), host).cgroupSubgroup;
  const user = { namespaces: WITH_USER, uidMappings: SELF, gidMappings: SELF };
  const without = { hasNsdelegate: () => false };
  const joined = [...NAMESPACES, { type: 'user' as const, path: '/proc/3/ns/user' }];

  it('is for processes of who owns the files of the limits, where nothing else keeps them away', () => {
    expect(inside(user, userFacts(without))).toBe(true);
    expect(inside(user, userFacts())).toBeUndefined();
    // In the caller's own user namespace, which is not the host's.
    const rootless = { ...without, initialUserNamespace: false };
    expect(inside({ namespaces: NAMESPACES }, facts(rootless))).toBe(true);
    expect(inside({ namespaces: joined }, facts(without))).toBe(true);
  });

  it('is not for others', () => {
    const others = { ...user, uidMappings: RANGE, gidMappings: RANGE };
    expect(inside(others, facts(without))).toBeUndefined();
    expect(inside({ namespaces: joined, uidMappings: RANGE }, facts(without))).toBeUndefined();
    expect(inside({ namespaces: NAMESPACES }, facts(without))).toBeUndefined();
    const { cgroup: _, ...none } = userFacts(without);
    expect(inside(user, none)).toBeUndefined();
  });

  it('takes no look at the hierarchy for containers of root', () => {
    const asked = {
      hasNsdelegate: () => {
        throw new Error('asked');
      },
    };
    expect(inside({ namespaces: NAMESPACES }, facts(asked))).toBeUndefined();
  });
});

describe('a small limit of memory', () => {
  const namespaces = [...NAMESPACES, { type: 'cgroup' as const }];
  const limited = (limit: number, change = {}) =>
    planContainer(spec({ linux: { namespaces, resources: { memory: { limit } } } }), facts(change));

  it('lets the process enter its cgroup when the namespaces but that of cgroups are there', () => {
    for (const manager of [undefined, 'systemd'] as const) {
      const cgroup = { root: '/sys/fs/cgroup', layout: 'unified', path: '/c1' } as const;
      const plan = limited((4 << 20) - 1, {
        cgroup: manager === undefined ? cgroup : { ...cgroup, manager },
      });
      expect(operations(plan).slice(0, 7)).toEqual([
        ...['dumpable', 'unshare', 'propagation', 'root', 'root-propagation', 'sync', 'unshare'],
      ]);
      const [first, second] = stepsOf(plan, 'unshare');
      expect((first?.flags ?? 0) & (CLONE_NEWNET | CLONE_NEWCGROUP)).toBe(CLONE_NEWNET);
      expect(second?.flags).toBe(CLONE_NEWCGROUP);
      expect(stepsOf(plan, 'sync').map(({ point }) => point)).toEqual([
        SyncPoint.cgroup,
        SyncPoint.ready,
      ]);
    }
  });

  it("is entered at once in a scope of the user's systemd, which takes only the user's uid", () => {
    const place = { root: '/sys/fs/cgroup', layout: 'unified', path: '/c1' } as const;
    const cgroup = { ...place, manager: 'systemd' as const };
    const linux = {
      namespaces: [...namespaces, { type: 'user' as const }],
      uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
      gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
      resources: { memory: { limit: 1 << 20 } },
    };
    for (const caller of [
      { uid: 1000, gid: 1000, effective: 0n },
      { initialUserNamespace: false },
    ]) {
      const plan = planContainer(spec({ linux }), facts({ cgroup, ...caller }));
      expect(plan.steps[0]).toMatchObject({ op: 'sync', point: SyncPoint.cgroup });
      const points = stepsOf(plan, 'sync').map(({ point }) => point);
      expect(points.filter((point) => point === SyncPoint.cgroup)).toHaveLength(1);
      expect(stepsOf(plan, 'unshare').at(-1)?.flags).toSatisfy(
        (flags: number) => (flags & CLONE_NEWCGROUP) !== 0,
      );
    }
    const root = planContainer(spec({ linux }), facts({ cgroup }));
    expect(
      position(root, 'sync', (step) => 'point' in step && step.point === SyncPoint.cgroup),
    ).toBeGreaterThan(position(root, 'become'));
  });

  it('is one below 4 MiB', () => {
    expect(onlyStep(limited(4 << 20), 'sync').point).toBe(SyncPoint.ready);
    expect(onlyStep(limited(-1), 'sync').point).toBe(SyncPoint.ready);
  });
});
