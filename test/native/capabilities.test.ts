/** process.capabilities: the five sets as the kernel shows them inside. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { LinuxCapabilities, Spec } from '../../src/spec/types.js';
import { execOutput, fieldsOf, useScene } from '../support/scene.js';

const scene = useScene();

const CHOWN = 1n << 0n;
const KILL = 1n << 5n;
const NET_RAW = 1n << 13n;

interface Sets {
  CapInh: bigint;
  CapPrm: bigint;
  CapEff: bigint;
  CapBnd: bigint;
  CapAmb: bigint;
}

function setsOf(status: string): Sets {
  const fields = fieldsOf(status);
  const set = (name: string): bigint => BigInt(`0x${fields[name] ?? ''}`);
  return {
    CapInh: set('CapInh'),
    CapPrm: set('CapPrm'),
    CapEff: set('CapEff'),
    CapBnd: set('CapBnd'),
    CapAmb: set('CapAmb'),
  };
}

const change =
  (uid: number, capabilities: LinuxCapabilities | undefined, noNewPrivileges = true) =>
  (spec: Spec): void => {
    if (spec.process === undefined) return;
    spec.process.user = { uid, gid: uid };
    spec.process.args = ['cat', '/proc/self/status'];
    spec.process.noNewPrivileges = noNewPrivileges;
    delete spec.process.capabilities;
    if (capabilities !== undefined) spec.process.capabilities = capabilities;
  };

const NONE = { CapInh: 0n, CapPrm: 0n, CapEff: 0n, CapBnd: 0n, CapAmb: 0n };
const mixed: LinuxCapabilities = {
  bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW'],
  permitted: ['CAP_CHOWN', 'CAP_KILL'],
  effective: ['CAP_KILL'],
  inheritable: ['CAP_CHOWN', 'CAP_KILL'],
};

// What execve(2) makes of the sets (capabilities(7)): root's permitted ones are the inheritable and
// the bounding set, another user's are the ambient ones.
test.each<[string, number, LinuxCapabilities | undefined, Sets]>([
  ['none for root', 0, undefined, NONE],
  ['none for a user', 1000, undefined, NONE],
  ['empty sets', 0, {}, NONE],
  [
    'root has what it is permitted',
    0,
    mixed,
    {
      CapInh: CHOWN | KILL,
      // Not NET_RAW: no_new_privs is against gaining it.
      CapPrm: CHOWN | KILL,
      CapEff: CHOWN | KILL,
      CapBnd: CHOWN | KILL | NET_RAW,
      CapAmb: 0n,
    },
  ],
  [
    'a user without ambient ones has no effective ones',
    1000,
    mixed,
    { ...NONE, CapInh: CHOWN | KILL, CapBnd: CHOWN | KILL | NET_RAW },
  ],
  [
    'a user keeps the ambient ones',
    1000,
    { ...mixed, ambient: ['CAP_CHOWN'] },
    {
      CapInh: CHOWN | KILL,
      CapPrm: CHOWN,
      CapEff: CHOWN,
      CapBnd: CHOWN | KILL | NET_RAW,
      CapAmb: CHOWN,
    },
  ],
])('capabilities: %s', async (_name, uid, capabilities, expected) => {
  expect(setsOf(await scene.output('', change(uid, capabilities)))).toEqual(expected);
});

test('what is not in the bounding set is not inheritable, with a warning', async () => {
  const sets: LinuxCapabilities = {
    bounding: ['CAP_KILL'],
    permitted: ['CAP_CHOWN', 'CAP_KILL'],
    inheritable: ['CAP_CHOWN', 'CAP_KILL'],
  };
  const bundle = scene.bundle('', change(0, sets));
  const result = await scene.runtime(['run', '--bundle', bundle.path, 'not-inheritable']);
  expect(result).toMatchObject({
    status: 0,
    stderr:
      'tsrun: warning: /process/capabilities/inheritable: ignored, not in the bounding set: CAP_CHOWN\n',
  });
  expect(setsOf(result.stdout)).toMatchObject({ CapInh: KILL, CapBnd: KILL });
});

test('ambient capabilities without inheritable ones, as runc spec lists them, are left out without a word', async () => {
  const names = ['CAP_CHOWN', 'CAP_KILL'];
  const sets = { bounding: names, permitted: names, effective: names, ambient: names };
  // scene.output() takes no warning.
  expect(setsOf(await scene.output('', change(0, sets)))).toMatchObject({ CapInh: 0n, CapAmb: 0n });
  const container = await scene.started('', (spec) => {
    change(0, sets)(spec);
    if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
  });
  expect(await execOutput(scene.runtime, container.id, [], 'echo here')).toBe('here\n');
  await container.remove();
});

test('without noNewPrivileges the sets are the same', async () => {
  const all: LinuxCapabilities = { ...mixed, ambient: ['CAP_KILL'] };
  expect(setsOf(await scene.output('', change(1000, all, false)))).toEqual({
    CapInh: CHOWN | KILL,
    CapPrm: KILL,
    CapEff: KILL,
    CapBnd: CHOWN | KILL | NET_RAW,
    CapAmb: KILL,
  });
});

test('without noNewPrivileges root gains its bounding set', async () => {
  const all = CHOWN | KILL | NET_RAW;
  expect(setsOf(await scene.output('', change(0, mixed, false)))).toEqual({
    CapInh: CHOWN | KILL,
    CapPrm: all,
    CapEff: all,
    CapBnd: all,
    CapAmb: 0n,
  });
});

test('a capability that the kernel does not know is left out of all sets, with one warning in the log', async () => {
  const names = ['CAP_CHOWN', 'CAP_OF_THE_FUTURE'];
  const bundle = scene.bundle(
    '',
    change(1000, {
      bounding: names,
      permitted: names,
      effective: names,
      inheritable: names,
      ambient: names,
    }),
  );
  const log = join(bundle.path, 'log');
  const result = await scene.runtime([
    ...['--log', log, '--log-format', 'json', 'run', '--bundle', bundle.path, 'unknown-capability'],
  ]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const only = { CapInh: CHOWN, CapPrm: CHOWN, CapEff: CHOWN, CapBnd: CHOWN, CapAmb: CHOWN };
  expect(setsOf(result.stdout)).toEqual(only);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      level: 'warning',
      msg: '/process/capabilities: unknown, ignored: CAP_OF_THE_FUTURE',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/) as string,
    },
  ]);
});

test('a capability that the caller lacks is left out, with a warning', async () => {
  const names = ['CAP_KILL', 'CAP_NET_RAW'];
  const bundle = scene.bundle(
    '',
    change(0, { bounding: names, permitted: names, effective: names }),
  );
  const result = await scene.run(bundle, [], {
    prefix: ['capsh', '--drop=cap_net_raw', '--', '-c', 'exec "$0" "$@"'],
  });
  expect(result.stderr).toBe(
    'tsrun: warning: /process/capabilities: cannot be granted here, ignored: CAP_NET_RAW\n',
  );
  expect(setsOf(result.stdout)).toEqual({ ...NONE, CapPrm: KILL, CapEff: KILL, CapBnd: KILL });
});

test('the capabilities are in force: chown works with its capability, and not without it', async () => {
  const script = 'touch /tmp/f && chown 5 /tmp/f && stat -c %u /tmp/f';
  const writable = (capabilities: string[]) => (spec: Spec) => {
    change(0, { bounding: capabilities, permitted: capabilities, effective: capabilities })(spec);
    if (spec.process !== undefined) spec.process.args = ['sh', '-c', script];
    if (spec.root !== undefined) spec.root.readonly = false;
  };
  expect(await scene.output(script, writable(['CAP_CHOWN']))).toBe('5\n');
  const without = await scene.run(scene.bundle(script, writable(['CAP_KILL'])));
  expect(without.status).toBe(1);
  expect(without.stderr).toContain('Operation not permitted');
});
