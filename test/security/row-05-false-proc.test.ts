/** Row 5 (CVE-2019-16884, CVE-2025-52881): a write to a sysctl that a false /proc leads elsewhere. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { COMMAND } from '../support/tsrun.js';
import { compileAttacker } from './attackers/compile.js';

const scene = useScene();
const TRIES = COMMAND[0] === process.execPath ? 10 : 150;

/** A kernel setting of the host that root may write, and which no namespace has one of. */
const VICTIM = '/proc/sys/kernel/core_pattern';

test('a /proc that is exchanged for a false one leads no sysctl to the host', async () => {
  const before = readFileSync(VICTIM, 'utf8');
  const bundle = scene.bundle('true', (spec) => {
    linuxOf(spec).sysctl = { 'net.ipv4.ip_default_ttl': '77' };
  });
  // What the false one has in the place of the setting: a link to that of the host.
  const fake = join(bundle.rootfs, 'fake');
  mkdirSync(join(fake, 'sys/net/ipv4'), { recursive: true });
  symlinkSync(VICTIM, join(fake, 'sys/net/ipv4/ip_default_ttl'));

  const attacker = spawn(compileOutside(bundle.path), [bundle.rootfs, 'proc', 'fake'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(attacker, 'exit');
  await once(attacker.stdout, 'data');
  let made = 0;
  try {
    for (let i = 0; i < TRIES; i++) {
      const { status } = await scene.run(bundle);
      made += status === 0 ? 1 : 0;
      expect(readFileSync(VICTIM, 'utf8')).toBe(before);
    }
  } finally {
    attacker.kill('SIGKILL');
    await ended;
  }
  // Some found the directory in its place, and got as far as the write.
  expect(made).toBeGreaterThan(0);
}, 120_000);

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

/** The volume is shared with a container that this attacker stands for. */
function compileOutside(directory: string): string {
  return join(directory, compileAttacker('exchange', directory));
}
