/**
 * Whoever may change the path of a namespace exchanges what it names between two looks of the runtime: a
 * sysctl of the container must not be set in the runtime's own network namespace.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

import { linuxOf } from '../support/inside.js';
import { STRACE } from '../support/late-trace.js';
import { useScene } from '../support/scene.js';
import { COMMAND, newId } from '../support/tsrun.js';

const scene = useScene();
const STOPPED = /--- stopped by SIGSTOP/;

test('the namespace that was compared with the runtime’s own is the one that is joined', async () => {
  const work = mkdtempSync(join(tmpdir(), 'tsrun-exchanged-'));
  const [path, own, trace] = [join(work, 'net'), join(work, 'own'), join(work, 'trace')];
  const other = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => {
    other.kill('SIGKILL');
    rmSync(work, { recursive: true });
  });
  await once(other.stdout, 'data');
  const namespace = `/proc/${String(other.pid)}/ns/net`;
  symlinkSync(namespace, path);
  symlinkSync('/proc/self/ns/net', own);
  const bundle = scene.bundle('readlink /proc/self/ns/net', (spec) => {
    const linux = linuxOf(spec);
    linux.namespaces = (linux.namespaces ?? []).filter(({ type }) => type !== 'network');
    linux.namespaces.push({ type: 'network', path });
    linux.sysctl = { 'net.ipv4.ip_default_ttl': '77' };
  });
  // The first call with the path stops the runtime, which is in a network namespace of its own.
  const calls = 'openat,openat2,newfstatat,statx,stat';
  const strace = `${STRACE.join(' ')} -qq -o ${trace} -P ${path} -e trace=${calls} -e inject=${calls}:signal=STOP:when=1`;
  const command = [...COMMAND, '--root', scene.runtime.root];
  const run = [...command, 'run', '--bundle', bundle.path, newId()].join(' ');
  const script = `${strace} ${run}; cat /proc/sys/net/ipv4/ip_default_ttl`;
  const running = spawn('unshare', ['--net', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  onTestFinished(() => {
    if (running.exitCode === null) process.kill(-(running.pid ?? 0), 'SIGKILL');
  });
  let said = '';
  for (const stream of [running.stdout, running.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(running, 'close');
  await expect.poll(() => readFileSync(trace, 'utf8'), { timeout: 20_000 }).toMatch(STOPPED);
  renameSync(own, path);
  const pid = Number.parseInt(readFileSync(trace, 'utf8'), 10);
  // Each kind of call is stopped once.
  while (running.exitCode === null) {
    spawnSync('kill', ['-CONT', String(pid)]);
    await Promise.race([ended, setTimeout(10)]);
  }
  await ended;
  expect(said).toBe(`${readlinkSync(namespace)}\n64\n`);
});
