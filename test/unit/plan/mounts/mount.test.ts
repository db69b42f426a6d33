import { describe, expect, it } from 'vitest';
import {
  CLONE_NEWUSER,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
} from '../../../../src/native/constants.js';
import { planContainer } from '../../../../src/plan/container.js';
import type { PlanFacts } from '../../../../src/plan/plan.js';
import { SOURCE_IN_ROOT } from '../../../../src/plan/steps.js';
import type { Linux, Mount } from '../../../../src/spec/types.js';
import { facts, NAMESPACES, onlyStep, spec, stepsOf, userFacts } from '../support.js';

const RANGE = [{ containerID: 0, hostID: 100000, size: 65536 }];
const USER: Partial<Linux> = {
  namespaces: [...NAMESPACES, { type: 'user' }],
  uidMappings: RANGE,
  gidMappings: RANGE,
};

function plan(mount: Mount, linux: Partial<Linux> = {}, host: PlanFacts = facts()) {
  const result = planContainer(spec({ mounts: [mount], linux }), host);
  const mine = result.steps.filter(
    ({ at, op }) => at.startsWith('/mounts/0') && op !== 'lock-tree',
  );
  return { ...result, mine };
}

describe('bind mounts', () => {
  it('take a source relative to the bundle and a destination relative to the root', () => {
    const { mine } = plan({ destination: 'a/../b/', source: './src/x', options: ['bind', 'rw'] });
    expect(mine).toEqual([
      expect.objectContaining({
        op: 'bind',
        source: '/bundle/src/x',
        target: '/b',
        recursive: false,
        attrClear: MOUNT_ATTR_RDONLY,
      }),
    ]);
  });

  it('are known by their type too', () => {
    const { mine } = plan({ destination: '/b', type: 'bind', source: '/src' });
    expect(mine[0]).toMatchObject({ op: 'bind', source: '/src' });
  });

  it('need a source', () => {
    expect(() => plan({ destination: '/b', options: ['bind'] })).toThrow(
      '/mounts/0/source: must be given for a bind mount',
    );
    expect(() => plan({ destination: '/b', source: '', options: ['rbind'] })).toThrow(
      '/mounts/0/source',
    );
  });

  it('get each propagation in turn', () => {
    const { mine } = plan({
      destination: '/b',
      source: '/s',
      options: ['rbind', 'rslave', 'rshared'],
    });
    expect(mine).toMatchObject([
      { op: 'bind', propagation: MS_SLAVE | MS_REC },
      { op: 'remount', propagation: MS_SHARED | MS_REC, attrSet: 0, attrClear: 0 },
    ]);
  });

  it('of a user namespace are slaves before they are shared', () => {
    const options = ['rbind', 'rshared'];
    const { mine } = plan({ destination: '/b', source: '/s', options }, USER);
    expect(mine).toMatchObject([
      { op: 'bind', propagation: MS_SLAVE | MS_REC },
      { op: 'remount', propagation: MS_SHARED | MS_REC },
    ]);
  });

  it('of a user namespace are opened again in its mount namespace, before the root is changed', () => {
    const locked = (options: string[], linux: object = {}, further: Mount[] = []): number[] => {
      const mounts = [{ destination: '/b', source: '/s', options }, ...further];
      const { steps } = planContainer(spec({ mounts, linux: { ...USER, ...linux } }), facts());
      const binds = stepsOf({ steps }, 'bind').filter(({ at }) => at.startsWith('/mounts/'));
      const locks = stepsOf({ steps }, 'lock-tree');
      expect(locks.every(({ slot }) => binds.some((bind) => bind.slot === slot))).toBe(true);
      const [first] = locks;
      if (first !== undefined) {
        const order = steps.map(({ op }) => op);
        expect(order.indexOf('unshare')).toBeLessThan(steps.indexOf(first));
        expect(order.indexOf('root')).toBeGreaterThan(steps.lastIndexOf(first));
      }
      return locks.map(({ slot }) => slot);
    };
    const remount = (option: string): Mount[] => [
      { destination: '/b', options: ['remount', 'bind', option] },
    ];
    expect(locked(['rbind'])).toHaveLength(1);
    expect(locked(['rbind', 'rw'])).toHaveLength(1);
    expect(locked(['rbind'], {}, remount('ro'))).toHaveLength(1);
    expect(locked(['rbind'], {}, remount('rw'))).toHaveLength(1);
    expect(locked(['rbind'], { rootfsPropagation: 'rshared' })).toEqual([]);
    const joined = USER.namespaces?.map((namespace) =>
      namespace.type === 'mount' ? { ...namespace, path: '/proc/9/ns/mnt' } : namespace,
    );
    expect(locked(['rbind'], { namespaces: joined })).toEqual([]);
  });

  it('of a user namespace are private where they ask for it at once', () => {
    const { mine } = plan(
      { destination: '/b', source: '/s', options: ['rbind', 'rprivate'] },
      USER,
    );
    expect(mine).toMatchObject([{ op: 'bind', propagation: MS_PRIVATE | MS_REC }]);
  });

  it('say which options have no effect', () => {
    const { warnings } = plan({
      destination: '/b',
      source: '/s',
      options: ['bind', 'size=1m', 'sync', 'async', 'iversion'],
    });
    expect(warnings).toEqual(['/mounts/0/options: without effect: iversion, sync, size=1m']);
  });
});

describe('bind mounts of what an earlier entry has mounted', () => {
  /** The `bind` steps of these sources behind a tmpfs on /a/b. */
  function sources(
    ...entries: readonly (readonly [source: string, option?: string])[]
  ): (readonly [string, number])[] {
    const mounts: Mount[] = [
      { destination: '/a/b', type: 'tmpfs', source: 'tmpfs' },
      ...entries.map(([source, option = 'bind'], i) => ({
        destination: `/m${String(i)}`,
        source,
        options: [option],
      })),
    ];
    const steps = stepsOf(planContainer(spec({ mounts, linux: USER }), facts()), 'bind');
    return steps
      .filter(({ at }) => at.startsWith('/mounts/'))
      .map(({ source, slot }) => [source, Math.min(slot, 0)]);
  }

  it('are looked up in the container', () => {
    expect(
      sources(
        ['rootfs/a/b'],
        ['/bundle/rootfs/a/b/c'],
        ['/bundle/rootfs/x/../a//b/'],
        ['rootfs/a', 'rbind'],
        ['rootfs', 'rbind'],
        ['rootfs/m0/x'],
      ),
    ).toEqual([
      ['/a/b', SOURCE_IN_ROOT],
      ['/a/b/c', SOURCE_IN_ROOT],
      ['/a/b', SOURCE_IN_ROOT],
      ['/a', SOURCE_IN_ROOT],
      ['/', SOURCE_IN_ROOT],
      ['/m0/x', SOURCE_IN_ROOT],
    ]);
  });

  it('are not those of other directories', () => {
    const paths = ['/bundle/rootfs/a', '/bundle/rootfs/a/bc', '/a/b', '/bundle/rootfs2/a/b'];
    expect(sources(...paths.map((path) => [path] as const))).toEqual(
      paths.map((path) => [path, 0]),
    );
  });

  it('are the host’s where its root is the container’s', () => {
    const mounts: Mount[] = [
      { destination: '/run', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/m', source: '/run/x', options: ['bind'] },
    ];
    const plan = planContainer(spec({ mounts, linux: USER, root: { path: '/' } }), facts());
    expect(stepsOf(plan, 'bind').find(({ target }) => target === '/m')?.slot).toBeGreaterThan(0);
  });
});

describe('new file systems', () => {
  it('take flags and options in order', () => {
    const { mine } = plan({
      destination: '/t',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'size=1m', 'lazytime', 'mode=700'],
    });
    expect(mine).toEqual([
      {
        op: 'mount',
        at: '/mounts/0',
        type: 'tmpfs',
        source: 'shm',
        options: ['lazytime', 'size=1m', 'mode=700'],
        copyUp: false,
        keep: -1,
        target: '/t',
        attrSet: MOUNT_ATTR_NOSUID,
        attrClear: 0,
        recursiveSet: 0,
        recursiveClear: 0,
        propagation: 0,
        idMap: -1,
        idMapRecursive: false,
      },
    ]);
  });

  it('are read-only as a whole where they have a device', () => {
    const mount = { destination: '/t', source: '/dev/sda', options: ['ro'] };
    expect(plan({ ...mount, type: 'ext4' }).mine).toMatchObject([
      { options: ['ro'], attrSet: MOUNT_ATTR_RDONLY },
    ]);
    expect(plan({ ...mount, type: 'sysfs' }).mine).toMatchObject([
      { options: [], attrSet: MOUNT_ATTR_RDONLY },
    ]);
  });

  it('of type tmpfs become read-only at the end', () => {
    const { mine } = plan({ destination: '/t', type: 'tmpfs', options: ['ro'] });
    expect(mine).toMatchObject([
      { op: 'mount', attrSet: 0, source: 'none' },
      { op: 'remount', target: '/t', attrSet: MOUNT_ATTR_RDONLY },
    ]);
  });

  it('stay open only until they have been changed', () => {
    const slots = (mounts: Mount[], linux: Partial<Linux> = {}) => {
      const { steps, slots, inputs } = planContainer(spec({ mounts, linux }), facts());
      const mine = steps.filter(({ at }) => at.startsWith('/mounts/'));
      const used = mine.map((step) => {
        if (step.op === 'remount') return `=${step.mount - inputs.length}`;
        if (step.op !== 'mount' && step.op !== 'bind') return step.op;
        return step.keep < 0 ? '' : `${step.keep - inputs.length}`;
      });
      return { used, more: slots - inputs.length };
    };
    const bind = { source: '/s', type: 'bind' };
    const further = { ...bind, options: ['rslave', 'rshared'] };
    const tmpfs = { type: 'tmpfs', options: ['ro'] };
    expect(
      slots([
        { ...bind, destination: '/a' },
        { ...further, destination: '/b' },
        { ...tmpfs, destination: '/c' },
        { ...further, destination: '/d' },
        { ...tmpfs, destination: '/e', options: ['ro', 'rslave', 'rshared'] },
        { destination: '/a', options: ['remount', 'bind', 'nosuid'] },
        { destination: '/of-the-image', options: ['remount', 'bind', 'nosuid'] },
      ]),
    ).toMatchObject({
      // /a, /b and /d share the second, /c, /d, /e; those that are late follow.
      used: ['3', '0', '=0', '1', '0', '=0', '2', '=2', '=3', '=-4', '=1', '=2'],
      more: 4,
    });
    const many = Array.from({ length: 40 }, (_, i) => ({ ...further, destination: `/m${i}` }));
    expect(slots(many).more).toBe(1);
    expect(slots(many.map((mount) => ({ ...mount, options: ['ro'] }))).more).toBe(0);
  });

  it('that came in a slot are changed there', () => {
    const { mine } = plan({ destination: '/b', source: '/s', options: ['rbind', 'rshared'] }, USER);
    const [bind, change] = mine;
    expect(bind).toMatchObject({ op: 'bind', keep: -1 });
    expect(change).toMatchObject({ op: 'remount', mount: (bind as { slot: number }).slot });
  });

  it('copy up only into a tmpfs', () => {
    const mount = { destination: '/t', options: ['tmpcopyup'] };
    expect(plan({ ...mount, type: 'tmpfs' }).mine).toMatchObject([{ copyUp: true }]);
    expect(() => plan({ ...mount, type: 'ramfs' })).toThrow(
      '/mounts/0/options: tmpcopyup is for tmpfs',
    );
  });

  it('need a type, and a place other than the root', () => {
    expect(() => plan({ destination: '/t' })).toThrow('/mounts/0/type: must be given');
    expect(() => plan({ destination: '/..', type: 'tmpfs' })).toThrow('/mounts/0/destination');
  });

  it('do not hide /proc', () => {
    expect(() => plan({ destination: '/proc/', type: 'tmpfs' })).toThrow(
      '/mounts/0/type: tmpfs cannot be mounted on /proc',
    );
  });
});

describe('remount', () => {
  it('changes what is there', () => {
    expect(
      plan({ destination: '/t', options: ['remount', 'bind', 'ro', 'private'] }).mine,
    ).toMatchObject([
      { op: 'remount', target: '/t', attrSet: MOUNT_ATTR_RDONLY, propagation: MS_PRIVATE },
    ]);
  });

  it('goes by the name where a later mount on a directory above has covered the one before', () => {
    const changes = (above: string) => {
      const mounts = [
        { destination: '/a/b', type: 'tmpfs' },
        { destination: above, type: 'bind', source: '/tree', options: ['rbind'] },
        { destination: '/a/b', options: ['remount', 'bind', 'ro'] },
      ];
      const { steps } = planContainer(spec({ mounts }), facts());
      return steps.flatMap((step) => (step.op === 'remount' ? [step.mount >= 0] : []));
    };
    expect(changes('/a')).toEqual([false]);
    expect(changes('/ab')).toEqual([true]);
  });

  it('cannot change the file system', () => {
    expect(() => plan({ destination: '/t', options: ['remount', 'size=1m'] })).toThrow(
      'remount can only change attributes of a mount, not size=1m',
    );
  });
});

describe('idmap', () => {
  const mount: Mount = { destination: '/b', source: '/s', options: ['bind', 'idmap'] };
  const own: Mount = { ...mount, uidMappings: RANGE, gidMappings: RANGE };

  it('takes the mappings of the mount', () => {
    const { inputs, mine } = plan(own);
    expect(inputs[3]).toEqual({
      kind: 'id-map',
      at: '/mounts/0/uidMappings',
      uidMappings: RANGE,
      gidMappings: RANGE,
    });
    expect(mine).toMatchObject([{ op: 'bind', idMap: 3, idMapRecursive: false }]);
    expect(plan({ ...own, options: ['rbind', 'ridmap'] }).mine).toMatchObject([
      { op: 'bind', recursive: true, idMap: 3, idMapRecursive: true },
    ]);
  });

  it('is applied by the parent where the container has a user namespace', () => {
    const { inputs, mine } = plan({ ...mount, options: ['rbind', 'ridmap'] }, USER);
    expect(inputs[3]).toMatchObject({ kind: 'id-map', uidMappings: RANGE });
    expect(inputs[4]).toEqual({
      kind: 'tree',
      at: '/mounts/0',
      path: '/s',
      recursive: true,
      idMap: 3,
      idMapRecursive: true,
    });
    expect(mine).toMatchObject([{ op: 'bind', slot: 4, idMap: -1, idMapRecursive: false }]);
  });

  it('takes the mapping of a user namespace that is joined', () => {
    const { inputs } = plan(mount, {
      namespaces: [...NAMESPACES, { type: 'user', path: '/proc/9/ns/user' }],
    });
    expect(inputs[0]).toMatchObject({ kind: 'namespace', flag: CLONE_NEWUSER });
    expect(inputs[4]).toMatchObject({ kind: 'tree', idMap: 0 });
  });

  it('needs mappings from somewhere', () => {
    expect(() => plan(mount)).toThrow('/mounts/0/options: idmap without uidMappings');
    expect(() => plan({ ...mount, uidMappings: RANGE })).toThrow('belong together');
  });

  it('works for new file systems', () => {
    const { mine } = plan({ ...own, type: 'tmpfs', options: ['idmap'] });
    expect(mine).toMatchObject([{ op: 'mount', idMap: 3 }]);
  });
});

describe('cgroup mounts', () => {
  const mount = { destination: '/sys/fs/cgroup', type: 'cgroup', options: ['rw'] };

  it('show the hybrid hierarchy from where it is', () => {
    const cgroup = { root: '/sys/fs/cgroup/unified', layout: 'hybrid' as const, path: '/c1' };
    expect(plan(mount, {}, facts({ cgroup })).mine).toMatchObject([
      { op: 'bind', source: '/sys/fs/cgroup/unified', attrSet: MOUNT_ATTR_RDONLY },
      { op: 'bind', source: '/sys/fs/cgroup/unified/c1', target: '/sys/fs/cgroup/c1', attrSet: 0 },
    ]);
  });

  it('show what the host has when there is no v2 hierarchy', () => {
    const { cgroup: _, ...none } = userFacts();
    const { steps, mine } = plan(mount, USER, none);
    expect(stepsOf({ steps }, 'open-tree')[0]).toMatchObject({
      path: '/sys/fs/cgroup',
      recursive: true,
    });
    expect(mine).toContainEqual(
      expect.objectContaining({ op: 'bind', recursiveSet: MOUNT_ATTR_RDONLY }),
    );
  });

  it("are the container's own part where its cgroup namespace cannot be mounted", () => {
    const namespaces = [
      ...NAMESPACES,
      { type: 'user' as const },
      { type: 'cgroup' as const, path: '/proc/3/ns/cgroup' },
    ];
    const { inputs, warnings } = plan(mount, { ...USER, namespaces });
    expect(inputs).toContainEqual(
      expect.objectContaining({ kind: 'tree', path: '/sys/fs/cgroup/c1' }),
    );
    expect(warnings).toEqual([]);
  });

  describe('where the hierarchy has no nsdelegate', () => {
    const without = { hasNsdelegate: () => false };
    const own = [...NAMESPACES, { type: 'cgroup' as const }];
    const user = [...own, { type: 'user' as const }];
    const protects = (linux: Partial<Linux>, host: PlanFacts, options = ['rw']) =>
      stepsOf(plan({ ...mount, options }, linux, host), 'protect-limits').length;

    it('have limits that who owns them cannot write', () => {
      const uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
      const linux = { ...USER, uidMappings, namespaces: user };
      const { mine, warnings } = plan(mount, linux, userFacts(without));
      const [mounted, protect] = mine;
      expect(mine).toHaveLength(2);
      expect(protect).toMatchObject({
        op: 'protect-limits',
        mount: (mounted as { keep: number }).keep,
        delegated: ['cgroup.procs', 'cgroup.subtree_control'],
      });
      expect(mounted).toMatchObject({ op: 'mount', type: 'cgroup2' });
      expect(warnings).toEqual([]);
      expect(protects(linux, userFacts())).toBe(0);
      expect(protects(linux, userFacts(without), ['ro'])).toBe(0);
      // Somebody else's.
      expect(protects({ ...linux, uidMappings: RANGE }, userFacts(without))).toBe(0);
    });

    it('are left alone for a root that is the host’s and may mount', () => {
      expect(protects({ namespaces: own }, facts(without))).toBe(1);
      const { steps } = planContainer(
        spec({
          linux: { namespaces: own },
          mounts: [mount],
          process: { capabilities: { bounding: ['CAP_SYS_ADMIN'] } },
        }),
        facts(without),
      );
      expect(stepsOf({ steps }, 'protect-limits')).toEqual([]);
    });
  });

  it('are read-only to a root that is the host’s and may not mount, in a cgroup namespace that is joined', () => {
    const namespaces = [...NAMESPACES, { type: 'cgroup' as const, path: '/proc/3/ns/cgroup' }];
    const compile = (bounding: string[], host: PlanFacts, options = ['rw']) => {
      const mounts = [{ ...mount, options }];
      const process = { capabilities: { bounding } };
      const { steps, warnings } = planContainer(
        spec({ linux: { namespaces }, mounts, process }),
        host,
      );
      const readOnly = steps.some(
        (step) =>
          step.op === 'mount' && step.type === 'cgroup2' && step.recursiveSet === MOUNT_ATTR_RDONLY,
      );
      return { readOnly, warnings };
    };
    const without = facts({ hasNsdelegate: () => false });
    const refused = compile([], without);
    expect(refused.readOnly).toBe(true);
    expect(refused.warnings).toEqual([
      expect.stringMatching(/^\/mounts\/0: read-only, since a cgroup namespace that is joined/),
    ]);
    expect(compile([], without, ['ro']).warnings).toEqual([]);
    for (const left of [compile(['CAP_SYS_ADMIN'], without), compile([], facts())]) {
      expect(left).toEqual({ readOnly: false, warnings: [] });
    }
  });

  it('are read-only to who owns limits, in a cgroup namespace that is joined', () => {
    const namespaces = [
      ...NAMESPACES,
      { type: 'user' as const },
      { type: 'cgroup' as const, path: '/proc/3/ns/cgroup' },
    ];
    const uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
    const planned = plan(mount, { ...USER, namespaces, uidMappings }, userFacts());
    expect(planned.mine).toContainEqual(
      expect.objectContaining({ op: 'bind', recursiveSet: MOUNT_ATTR_RDONLY }),
    );
    expect(planned.warnings).toEqual([
      '/mounts/0: read-only, since a cgroup namespace that is joined keeps the container from none of the limits in it',
    ]);
  });

  it('are read-only in a user namespace that is joined too, of which nothing is known', () => {
    const namespaces = [
      ...NAMESPACES,
      { type: 'user' as const, path: '/proc/3/ns/user' },
      { type: 'cgroup' as const, path: '/proc/3/ns/cgroup' },
    ];
    expect(onlyStep(plan(mount, { namespaces }), 'mount')).toMatchObject({
      recursiveSet: MOUNT_ATTR_RDONLY,
    });
  });

  it('are the same under the name cgroup2', () => {
    const namespaces = [...NAMESPACES, { type: 'cgroup' as const }];
    const { steps } = plan({ ...mount, type: 'cgroup2' }, { namespaces });
    expect(onlyStep({ steps }, 'mount').type).toBe('cgroup2');
  });
});
