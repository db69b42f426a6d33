import { describe, expect, it } from 'vitest';

import { FakeSystem } from '../../fakes/system.js';
import { planContainer } from '../../../src/plan/container.js';
import { encodeInstructions } from '../../../src/seccomp/bpf.js';
import { checked } from '../../../src/seccomp/filter.js';
import { lateCalls } from '../../../src/seccomp/late-calls.js';
import type { LinuxSeccomp } from '../../../src/spec/types.js';
import { facts, NAMESPACES, spec } from '../plan/support.js';
import type { SpecChange } from '../plan/support.js';

const seccomp: LinuxSeccomp = { defaultAction: 'SCMP_ACT_ALLOW' };

const plan = (change: SpecChange) =>
  planContainer(
    spec({ ...change, linux: { namespaces: NAMESPACES, seccomp, ...change.linux } }),
    facts(),
  );

const names = (change: SpecChange): string[] =>
  lateCalls(plan(change).steps).map(({ name }) => name);

describe('the order', () => {
  it('is the last step of create with noNewPrivileges, and right before the capabilities else', () => {
    const around = (noNewPrivileges: boolean): string[] => {
      const steps = plan({ process: { noNewPrivileges } }).steps.map(({ op }) => op);
      const at = steps.indexOf('seccomp');
      return [...steps.slice(at - 1, at), ...steps.slice(at + 1, at + 3)];
    };
    expect(around(true)).toEqual(['sync', 'gate', 'exec']);
    expect(around(false)).toEqual(['cwd', 'credentials', 'cwd']);
  });

  it('keeps the program when everything else is forgotten, and has none without a profile', () => {
    const { steps, inputs } = plan({});
    const load = steps.find((step) => step.op === 'seccomp');
    const forget = steps.find((step) => step.op === 'forget');
    expect(inputs[load?.program ?? -1]).toEqual({ kind: 'seccomp', at: '/linux/seccomp' });
    expect(forget?.keep).toContain(load?.program);
    const without = planContainer(spec(), facts());
    expect(without.steps.filter(({ op }) => op === 'seccomp')).toEqual([]);
    expect(lateCalls(without.steps)).toEqual([]);
  });
});

describe('what is called after loading', () => {
  it('is little with noNewPrivileges', () => {
    expect(names({ process: { noNewPrivileges: true } })).toEqual(['close', 'read', 'execve']);
  });

  it('waits for the hand-over of a listener', () => {
    const syscalls = [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' as const }];
    const linux = { seccomp: { ...seccomp, listenerPath: '/s', syscalls } };
    expect(names({ linux })).toEqual(['read', 'close', 'read', 'execve']);
  });

  it('has the ids and capabilities without', () => {
    const found = lateCalls(
      plan({
        process: { noNewPrivileges: false, user: { uid: 7, gid: 8, additionalGids: [9] } },
      }).steps,
    );
    expect(found).toContainEqual({ name: 'setresuid', args: [7, 7, 7] });
    expect(found).toContainEqual({ name: 'setresgid', args: [8, 8, 8] });
    const order = found.map(({ name }) => name);
    expect(order).toEqual(expect.arrayContaining(['setgroups', 'capset', 'prctl', 'newfstatat']));
    expect(order.slice(-5)).toEqual(['write', 'read', 'close', 'read', 'execve']);
  });

  it('has what hooks take', () => {
    const found = names({ hooks: { startContainer: [{ path: '/hook' }] } });
    expect(found).toEqual(expect.arrayContaining(['clone', 'memfd_create', 'waitid', 'ppoll']));
    expect(found).not.toContain('kill');
    const inTime = names({ hooks: { startContainer: [{ path: '/hook', timeout: 1 }] } });
    expect(inTime).toEqual(expect.arrayContaining(['kill', 'pidfd_send_signal']));
  });

  it('has each capability that is dropped', () => {
    const drops = (bounding: string[]): (number | undefined)[] =>
      lateCalls(plan({ process: { noNewPrivileges: false, capabilities: { bounding } } }).steps)
        .filter(({ name, args }) => name === 'prctl' && args[0] === 24)
        .map(({ args }) => args[1]);
    // And the number after the last, which ends the way through the set.
    expect(drops(['CAP_CHOWN', 'CAP_FOWNER'])).toEqual([
      1,
      2,
      ...Array.from({ length: 38 }, (_, index) => index + 4),
    ]);
  });
});

describe('the check', () => {
  const native = new FakeSystem().native;
  const answering = (value: number): Uint8Array => encodeInstructions([[0x06, 0, 0, value]]);

  it.each([
    [0x7fff0000, undefined],
    [0x7ffc0000, undefined],
    [0x7fc00000, undefined],
    [0x00050063, 'ERRNO 99'],
    [0x80000000, 'KILL_PROCESS'],
    [0, 'KILL'],
    [0x00030000, 'TRAP'],
    [0x7ff00001, 'TRACE'],
  ])('of %i', (value, name) => {
    const check = (): Uint8Array => checked(native, answering(value), [{ name: 'read', args: [] }]);
    if (name === undefined) expect(check()).toEqual(answering(value));
    else expect(check).toThrow(`/linux/seccomp: the filter answers ${name} to read(2)`);
  });

  it.each([
    [0x00050063, undefined],
    [0x7ff00001, undefined],
    [0x7fff0000, undefined],
    [0x80000000, 'KILL_PROCESS'],
    [0, 'KILL'],
    [0x00030000, 'TRAP'],
  ])('of %i for a call that may fail', (value, name) => {
    const calls = [{ name: 'faccessat2', args: [], mayFail: true as const }];
    const check = (): Uint8Array => checked(native, answering(value), calls);
    if (name === undefined) expect(check()).toEqual(answering(value));
    else expect(check).toThrow(`/linux/seccomp: the filter answers ${name} to faccessat2(2)`);
  });
});
