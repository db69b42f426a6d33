/** Row 5 (CVE-2019-16884, CVE-2025-52881): a write to a sysctl that a false /proc leads elsewhere. */

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { linuxOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { testOnceRaces } from './races/tests.js';

const scene = useScene();

/** What an attacker is after: settings of the host that root may write, and which no namespace has one of. */
const HOST = [
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/sysrq',
  '/proc/sys/kernel/modprobe',
];

const settings = (): string[] =>
  HOST.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'));

let before: string[];

beforeAll(() => {
  before = settings();
});

afterAll(() => {
  expect(settings()).toEqual(before);
});

const FILE = 'sys/kernel/domainname';
const VALUE = 'of.the.race';

/** Where the links lead, so that nothing happens to this machine: as good as any setting that is no sysctl's. */
const STAND_IN = 'stand-in';

testOnceRaces([
  {
    name: 'a sysctl',
    step: 'sysctl',
    // The mount goes with the directory, and the other one has the name.
    place: '/',
    exchanged: ['proc', 'fake'],
    furnish: ({ rootfs }) => {
      writeFileSync(join(rootfs, STAND_IN), '');
      for (const name of ['proc', 'fake']) {
        mkdirSync(join(rootfs, name, 'sys/kernel'), { recursive: true });
        symlinkSync(`/${STAND_IN}`, join(rootfs, name, FILE));
      }
    },
    ask: (spec, { outside }) => {
      if (spec.root !== undefined) spec.root.readonly = false;
      spec.mounts = [
        { destination: '/proc', type: 'proc', source: 'proc' },
        // In which nothing is made: all tries have one root.
        { destination: '/dev', type: 'bind', source: outside, options: ['bind'] },
      ];
      linuxOf(spec).namespaces?.push({ type: 'uts' });
      linuxOf(spec).sysctl = { 'kernel.domainname': VALUE };
    },
    landed: (pid, { rootfs }) => {
      if (statSync(join(rootfs, STAND_IN)).size > 0) return 'outside';
      const name = lstatSync(join(`/proc/${String(pid)}/root/proc`, FILE));
      return name.isSymbolicLink() ? 'other' : 'inside';
    },
  },
]);

test('a sysctl is the kernel’s own, whatever has the name /proc by then', async () => {
  const file = 'sys/net/ipv4/ip_default_ttl';
  const bundle = scene.bundle(`cat /old/${file} /proc/${file}`, (spec) => {
    Object.assign(linuxOf(spec), { maskedPaths: [], readonlyPaths: [] });
    // So that what has the name can be written to.
    if (spec.root !== undefined) spec.root.readonly = false;
    linuxOf(spec).sysctl = { 'net.ipv4.ip_default_ttl': '77' };
  });
  // Between the mounts and the writes, as anybody can who may write to the root's directory.
  const rename = `cd ${bundle.rootfs} && mv proc old && mkdir -p proc/sys/net/ipv4 && echo false > proc/${file}`;
  bundle.spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', rename] }] };
  bundle.write();
  const result = await scene.run(bundle);
  expect(result).toMatchObject({ status: 0, stdout: '77\nfalse\n', stderr: '' });
});
