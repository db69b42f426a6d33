import { describe, expect, it } from 'vitest';
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
} from '../../../src/native/constants.js';
import { planExec } from '../../../src/plan/exec.js';
import type { ExecFacts, ExecTarget } from '../../../src/plan/exec.js';
import { planHook, planProgram } from '../../../src/plan/hooks.js';
import type { PlanFacts } from '../../../src/plan/plan.js';
import { SyncPoint } from '../../../src/plan/steps.js';
import { facts as planFacts, onlyStep, operations, process, stepsOf } from './support.js';

const DENIED = { user: 4026532000, setgroups: false, joined: [] };
const IDENTITY = { user: 4026531837, setgroups: true, joined: [] };

/** Of a caller that may not call setgroups(2), unless a test says otherwise. */
function facts(change: Partial<PlanFacts & { mayClearGroups: boolean }> = {}): ExecFacts {
  return { mayClearGroups: false, cgroupJoin: () => 'clone', ...planFacts(), ...change };
}

function target(change: Partial<ExecTarget> = {}): ExecTarget {
  return {
    id: 'c1',
    namespaces: CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET,
    rootfs: '/bundle/rootfs',
    keyring: '_ses.c1',
    identity: IDENTITY,
    keepGroups: false,
    root: { uid: 0, gid: 0 },
    ...change,
  };
}

describe('exec', () => {
  it('protects itself before it joins, all at once', () => {
    const plan = planExec(process(), target(), facts());
    expect(operations(plan)).toEqual([
      'dumpable',
      'join',
      'fork',
      'session',
      'keyring',
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
      'exec',
    ]);
    expect(plan).toMatchObject({
      cloneFlags: 0,
      inputs: [{ kind: 'container', at: '' }],
      slots: 1,
      namespaces: target().namespaces,
    });
    expect(onlyStep(plan, 'join')).toMatchObject({
      ...{ fd: 0, flags: target().namespaces, user: IDENTITY.user, known: [] },
    });
    expect(onlyStep(plan, 'keyring').name).toBe('_ses.c1');
    expect(onlyStep(plan, 'sync').point).toBe(SyncPoint.ready);
    expect(onlyStep(plan, 'credentials').at).toBe('/user');
  });

  it('has the parent write oom_score_adj before anything else', () => {
    const plan = planExec({ ...process(), oomScoreAdj: 5 }, target(), facts());
    expect(plan.steps[0]).toMatchObject({ op: 'sync', point: SyncPoint.oomScoreAdj });
    expect(plan.oomScoreAdj).toBe(5);
  });

  it('becomes the root of a user namespace', () => {
    const namespaces = target().namespaces | CLONE_NEWUSER;
    const plan = planExec(process(), target({ namespaces, identity: DENIED }), facts());
    expect(operations(plan).slice(0, 5)).toEqual(['dumpable', 'sync', 'join', 'fork', 'become']);
    expect(plan.steps[1]).toMatchObject({ op: 'sync', point: SyncPoint.limits });
    expect(plan.limits).toHaveLength(1);
    expect(onlyStep(plan, 'become').clearGroups).toBe(false);
    expect(onlyStep(plan, 'credentials').setGroups).toBe(false);
  });

  it('gives up the groups of the caller before it joins, where the caller may', () => {
    const namespaces = target().namespaces | CLONE_NEWUSER;
    for (const identity of [IDENTITY, DENIED]) {
      const able = facts({ mayClearGroups: true });
      const plan = planExec(process(), target({ namespaces, identity }), able);
      const order = operations(plan);
      expect(order.indexOf('clear-groups')).toBeGreaterThan(order.indexOf('dumpable'));
      expect(order.indexOf('clear-groups')).toBeLessThan(order.indexOf('join'));
      expect(onlyStep(plan, 'become').clearGroups).toBe(false);
      expect(onlyStep(plan, 'credentials').setGroups).toBe(identity.setgroups);
    }
    const plan = planExec(process(), target({ namespaces }), facts());
    expect(operations(plan)).not.toContain('clear-groups');
    expect(onlyStep(plan, 'become').clearGroups).toBe(true);
  });

  it('compares the namespaces with those of create', () => {
    const joined = [{ flag: CLONE_NEWNET, inode: 7, owner: 0 }];
    const plan = planExec(process(), target({ identity: { ...DENIED, joined } }), facts());
    expect(onlyStep(plan, 'join')).toMatchObject({
      user: DENIED.user,
      known: [CLONE_NEWNET, 7, 0],
    });
  });

  it('changes the root of a container without a mount namespace', () => {
    const plan = planExec(process(), target({ namespaces: 0 }), facts());
    expect(operations(plan).slice(0, 3)).toEqual(['dumpable', 'join', 'chroot']);
    expect(onlyStep(plan, 'chroot').path).toBe('/bundle/rootfs');
  });

  it('keeps its hands off the inheritable set (CVE-2022-29162)', () => {
    const capabilities = { bounding: ['CAP_KILL'], permitted: ['CAP_KILL'] };
    const none = planExec(process({ capabilities }), target(), facts());
    expect(onlyStep(none, 'credentials')).toMatchObject({ inheritable: 0n, ambient: 0n });
    const asked = { ...capabilities, inheritable: ['CAP_KILL'] };
    const some = planExec(process({ capabilities: asked }), target(), facts());
    expect(onlyStep(some, 'credentials').inheritable).toBe(1n << 5n);
  });

  it("has the container's capabilities and limits where it has none of its own", () => {
    const { capabilities: _, rlimits: __, ...bare } = process();
    const plan = planExec(bare, target({ process: process() }), facts());
    expect(onlyStep(plan, 'credentials').permitted).toBe((1n << 5n) | (1n << 10n) | (1n << 29n));
    expect(onlyStep(plan, 'rlimit').resource).toBe(7);
    expect(onlyStep(planExec(bare, target(), facts()), 'credentials').bounding).toBe(0n);
  });

  it('runs on the CPUs it is told to', () => {
    const execCPUAffinity = { initial: '0-2', final: '1,3' };
    const plan = planExec(process({ execCPUAffinity }), target(), facts());
    expect(stepsOf(plan, 'affinity').map(({ cpus }) => cpus)).toEqual([
      [0, 1, 2],
      [1, 3],
    ]);
    expect(operations(plan).slice(0, 3)).toEqual(['dumpable', 'affinity', 'join']);
    expect(() =>
      planExec(process({ execCPUAffinity: { initial: '3-1' } }), target(), facts()),
    ).toThrow('/execCPUAffinity/initial: not a list of CPUs');
  });

  it('has a terminal, but not on /dev/console', () => {
    const plan = planExec(process({ terminal: true }), target(), facts());
    expect(plan.terminal).toBe(true);
    expect(onlyStep(plan, 'console')).toMatchObject({
      at: '/terminal',
      mountConsole: false,
      bareNewlines: false,
    });
  });

  it('decides how it comes into its cgroup when the files of the image have been read', () => {
    const asked: string[] = [];
    const host = facts({
      readRootFile: (path) => {
        asked.push(path);
        return undefined;
      },
    });
    const cgroupJoin = (): 'sync' => {
      asked.push('cgroup');
      return 'sync';
    };
    const plan = planExec(process(), target(), { ...host, cgroupJoin });
    expect(asked).toContain('/etc/passwd');
    expect(asked.at(-1)).toBe('cgroup');
    expect(plan).toMatchObject({ cgroupJoin: 'sync' });
    expect(plan.steps[0]).toMatchObject({ op: 'sync', point: SyncPoint.cgroup });
  });

  it('finds the home directory of its user', () => {
    const passwd = 'root:x:0:0::/root:/bin/sh\nu:x:7:7::/home/u:/bin/sh\n';
    const host = facts({
      readRootFile: (path) => (path === '/etc/passwd' ? passwd : undefined),
    });
    const plan = planExec(process({ user: { uid: 7, gid: 7 } }), target(), host);
    expect(onlyStep(plan, 'exec').env).toContain('HOME=/home/u');
  });
});

describe('programs of the host', () => {
  it('are found in their own PATH', () => {
    expect(
      planProgram({ path: 'newuidmap', args: ['newuidmap', '1'], env: ['PATH=/a::/b'], cwd: '/' }),
    ).toEqual([
      { op: 'host-cwd', at: '', path: '/' },
      { op: 'find', at: '', file: 'newuidmap', directories: ['/a', '.', '/b'] },
      { op: 'exec', at: '', args: ['newuidmap', '1'], env: ['PATH=/a::/b'] },
    ]);
  });

  it('are hooks', () => {
    expect(planHook({ path: '/h' }, '/hooks/poststop/0', '/bundle', () => ['A=b'])).toEqual([
      { op: 'session', at: '/hooks/poststop/0' },
      { op: 'host-cwd', at: '/hooks/poststop/0', path: '/bundle' },
      { op: 'find', at: '/hooks/poststop/0', file: '/h', directories: ['/bin', '/usr/bin'] },
      { op: 'exec', at: '/hooks/poststop/0', args: ['/h'], env: ['A=b'] },
    ]);
  });

  it('inherit nothing when their environment is empty', () => {
    const steps = planHook({ path: '/h', env: [] }, '/hooks/poststop/0', '/', () => ['A=b']);
    expect(steps.at(-1)).toMatchObject({ op: 'exec', env: [] });
  });
});
