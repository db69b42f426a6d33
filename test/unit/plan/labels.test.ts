import { expect, it } from 'vitest';

import { apparmorFile } from '../../../src/apparmor/apparmor.js';
import { FakeSystem } from '../../fakes/system.js';
import { planContainer } from '../../../src/plan/container.js';
import { explainFailure } from '../../../src/plan/describe.js';
import { planExec } from '../../../src/plan/exec.js';
import { FailureCode } from '../../../src/plan/steps.js';
import { checkLabel, withMountLabel } from '../../../src/selinux/selinux.js';
import { NAMESPACES, facts, operations, process, spec, stepsOf } from './support.js';

const labelled = planContainer(
  spec({
    process: { apparmorProfile: 'box', selinuxLabel: 'u:r:t:s0' },
    linux: {
      namespaces: NAMESPACES,
      mountLabel: 'u:object_r:f:s0:c2,c1',
      maskedPaths: ['/proc/acpi'],
    },
  }),
  facts({
    apparmor: 'attr/apparmor/exec',
    processLabel: 'u:r:t:s0',
    // In the policy's own way.
    mountLabel: 'u:object_r:f:s0:c1,c2',
  }),
);

it('labels the keyring and the next program, before the procfs is closed', () => {
  expect(stepsOf(labelled, 'label')).toEqual([
    {
      op: 'label',
      at: '/process/selinuxLabel',
      file: 'attr/keycreate',
      text: 'u:r:t:s0',
      expected: 'u:r:t:s0',
    },
    {
      op: 'label',
      at: '/process/apparmorProfile',
      file: 'attr/apparmor/exec',
      text: 'exec box',
      expected: 'box',
    },
    {
      op: 'label',
      at: '/process/selinuxLabel',
      file: 'attr/exec',
      text: 'u:r:t:s0',
      expected: 'u:r:t:s0',
    },
  ]);
  const order = operations(labelled).join(' ');
  expect(order).toMatch(/ proc label keyring .* label\*2 forget .*no-new-privileges/);
  expect(order.match(/ proc /g)).toHaveLength(1);
});

it.each([
  // Beside each other, the kernel orders them.
  ['box//&other', 'box//&other'],
  ['box//& other', 'box//&other'],
  ['box//child', 'box//child'],
  // On top of what confines the runtime, which is not ours to know.
  ['&box', 'box'],
  ['&box//&other', 'box//&other'],
  // It is shown, or not.
  ['box//&unconfined', 'box'],
  ['box//&', 'box'],
  ['unconfined', 'unconfined'],
  ['&unconfined', 'unconfined'],
  // Of a namespace of policies, which those behind it are in too.
  [':inner:box', ':inner:box'],
  [':inner://box', ':inner:box'],
  [':inner:///bin/box', ':inner:/bin/box'],
  [':inner:', ':inner:unconfined'],
  [':inner', ':inner:unconfined'],
  ['box//&:inner://other//&third', 'box//&:inner:other//&:inner:third'],
  ['box//&:inner:unconfined', 'box'],
  ['box//&:inner:unconfined//&other', 'box//&:inner:other'],
])('expects of %j to read back %j', (apparmorProfile, expected) => {
  const plan = planContainer(
    spec({ process: { apparmorProfile } }),
    facts({ apparmor: 'attr/apparmor/exec' }),
  );
  expect(stepsOf(plan, 'label')).toMatchObject([{ text: `exec ${apparmorProfile}`, expected }]);
});

it('needs no procfs without a label', () => {
  expect(operations(planContainer(spec(), facts()))).not.toContain('proc');
});

it('gives the mounts that take one the label of linux.mountLabel', () => {
  const mounts = stepsOf(labelled, 'mount').map(({ type, options }) => [
    type,
    options.filter((option) => option.startsWith('context')),
  ]);
  const context = ['context=u:object_r:f:s0:c1,c2'];
  expect(Object.fromEntries(mounts)).toMatchObject({
    proc: [],
    sysfs: [],
    mqueue: [],
    tmpfs: context,
    devpts: context,
  });
  expect(stepsOf(labelled, 'mask')).toMatchObject([{ label: 'u:object_r:f:s0:c1,c2' }]);
});

it('leaves the label that a mount asks for itself, without the quotes of mount(8)', () => {
  expect(withMountLabel('tmpfs', ['size=1k', 'context="u:r:t:s0:c1,c2"'], 'u:r:f:s0')).toEqual([
    'size=1k',
    'context=u:r:t:s0:c1,c2',
  ]);
  expect(withMountLabel('tmpfs', ['rootcontext=u:r:t:s0'], 'u:r:f:s0')).toEqual([
    'rootcontext=u:r:t:s0',
  ]);
  expect(withMountLabel('tmpfs', ['fscontext="u:r:t:s0"'], undefined)).toEqual([
    'fscontext=u:r:t:s0',
  ]);
});

it('is asked for as it is written, or not at all', () => {
  const fake = new FakeSystem();
  fake.files.put('/sys/fs/selinux/context', 'file');
  const asked: string[] = [];
  const native = new Proxy(fake.native, {
    get: (target, name) => {
      if (name === 'statfsType') return () => 0xf97cff8c;
      if (name === 'writeSome') {
        return (_: number, bytes: Uint8Array) => asked.push(String.fromCharCode(...bytes));
      }
      return Reflect.get(target, name) as unknown;
    },
  });
  checkLabel(native, 'u:r:t:s0', '/linux/mountLabel');
  expect(asked).toEqual(['u:r:t:s0']);
  // The low byte of the third character is that of "t".
  for (const label of ['u:r:\u0174:s0', 'u:r:\u00e9:s0', 'u:r:t:s0\0:c1', 'u:r:t:s0\n']) {
    expect(() => checkLabel(native, label, '/linux/mountLabel')).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', pointer: '/linux/mountLabel' }),
    );
  }
  expect(asked).toHaveLength(1);
});

it('of exec are its own, else those of the container', () => {
  const target = {
    id: 'c1',
    namespaces: 0x20020000,
    rootfs: '/r',
    identity: { user: 4026531837, setgroups: true, joined: [] },
    keepGroups: false,
    root: { uid: 0, gid: 0 },
    process: process({ apparmorProfile: 'box' }),
  };
  const texts = (own: string | undefined): string[] =>
    stepsOf(
      planExec(process(own === undefined ? {} : { apparmorProfile: own }), target, {
        ...facts({ apparmor: 'attr/exec' }),
        mayClearGroups: false,
        cgroupJoin: () => 'clone',
      }),
      'label',
    ).map(({ text }) => text);
  expect([texts(undefined), texts('other')]).toEqual([['exec box'], ['exec other']]);
});

it('is written where the kernel has AppArmor, and refused where not', () => {
  const fake = new FakeSystem();
  const file = (profile?: string): string | undefined =>
    apparmorFile(fake.native, profile, '/process');
  expect([file(), file(''), file('unconfined')]).toEqual([undefined, undefined, undefined]);
  expect(() => file('box')).toThrow('/process/apparmorProfile: cannot apply the profile box');
  fake.files.put('/sys/module/apparmor/parameters/enabled', 'file', 'Y\n');
  expect(file('box')).toBe('attr/exec');
  fake.files.put('/proc/self/attr/apparmor/exec', 'file');
  expect([file('box'), file('unconfined')]).toEqual(['attr/apparmor/exec', 'attr/apparmor/exec']);
});

it('says what went wrong', () => {
  const [, step] = stepsOf(labelled, 'label');
  if (step === undefined) throw new Error('no step');
  const doing =
    '/process/apparmorProfile: cannot set the label exec box: `/proc/thread-self/attr/apparmor/exec`: ';
  const say = (text: string): string =>
    explainFailure(step, 'e', FailureCode.notApplied, text).message;
  expect(say('')).toBe(`${doing}no such profile is loaded`);
  expect(say('unconfined')).toBe(`${doing}it was not applied, the label is "unconfined"`);
});
