/** The profile of `tsrun spec --seccomp default`: what it refuses, and what runs behind it. */

import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { NR, useCalls } from '../support/calls.js';
import { useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();
const calls = useCalls();

const DEFAULT = ['--tty=false', '--seccomp', 'default'];

/** A bundle with the config.json that `spec` writes. */
async function specBundle(options: readonly string[], command: readonly string[]): Promise<string> {
  const { path, rootfs } = lab.bundle('true');
  calls.into({ rootfs });
  rmSync(join(path, 'config.json'));
  const args = ['spec', '--bundle', path, ...options, '--', ...command];
  expect(await lab.runtime()(args)).toMatchObject({ status: 0, stderr: '' });
  return path;
}

test('the default profile refuses what a container has no use for', async () => {
  const refused: [keyof typeof NR, string, number][] = [
    ['keyctl', '0 -3 0', -1],
    ['add_key', '', -1],
    ['bpf', '0 0 0', -1],
    ['mount', '', -1],
    ['ptrace', '0 0 0', -1],
    ['userfaultfd', '0', -1],
    ['io_uring_setup', '1 0', -1],
    ['perf_event_open', '', -1],
    ['pidfd_getfd', '0 0 0', -1],
    ['open_by_handle_at', '', -1],
    ['init_module', '', -1],
    ['syslog', '3 0 0', -1],
    ['setns', '0 0', -1],
    ['unshare', '0', -1],
    ['unshare', '0x10000000', -1],
    // CLONE_NEWUSER, and CLONE_NEWNS with SIGCHLD.
    ['clone', '0x10000000', -1],
    ['clone', '0x20011', -1],
    ['clone3', '0 0', -38],
    // AF_ALG, AF_VSOCK, and what is let pass.
    ['socket', '38 5 0', -97],
    ['socket', '40 1 0', -97],
    ['socket', '1 1 0', 3],
    ['personality', '0x0040000', -1],
    ['personality', '0xffffffff', 0],
    ['umask', '0', 18],
  ];
  const script = refused.map(([name, args]) => `/bin/call ${NR[name]} ${args}`).join('; ');
  const path = await specBundle(DEFAULT, ['sh', '-c', script]);
  const { stdout } = await lab.runtime()(['run', '--bundle', path, newId()]);
  const results = stdout.trimEnd().split('\n').map(Number);
  expect(refused.map(([name, args], at) => [name, args, results[at]])).toEqual(refused);
});

test('the default profile knows the address family of every socket of 32-bit programs', async () => {
  const calls32: [string, number][] = [
    // socket(2): AF_ALG, AF_VSOCK, AF_UNIX.
    ['359 38 5 0', -97],
    ['359 40 1 0', -97],
    ['359 1 1 0', 3],
    // socketcall(2): SYS_SOCKET, SYS_CONNECT, of arguments that are not there.
    ['102 1 0', -38],
    ['102 3 0', -38],
  ];
  const script = calls32.map(([args]) => `/bin/call i386 ${args}`).join('; ');
  const path = await specBundle(DEFAULT, ['sh', '-c', script]);
  const { stdout } = await lab.runtime()(['run', '--bundle', path, newId()]);
  const results = stdout.trimEnd().split('\n').map(Number);
  expect(calls32.map(([args], at) => [args, results[at]])).toEqual(calls32);
});

test('the default profile allows what a granted capability is for', async () => {
  const path = await specBundle(
    [...DEFAULT, '--cap-add', 'sys_admin'],
    ['sh', '-c', 'mkdir -p /dev/shm/m && mount -t tmpfs none /dev/shm/m && echo mounted'],
  );
  const result = await lab.runtime()(['run', '--bundle', path, newId()]);
  expect(result).toMatchObject({ stdout: 'mounted\n', stderr: '' });
});

test.each([
  [
    'the shell and its tools',
    ['sh', '-c', 'ls / | sort | grep -c bin; sed s/a/b/ /etc/passwd | head -1'],
  ],
  [
    'bash, awk, tar, find',
    [
      'bash',
      '-c',
      'tar c /etc/passwd 2>/dev/null | tar t; echo 3 4 | awk "{print \\$1*\\$2}"; find /etc/passwd; sleep 0.01 & wait',
    ],
  ],
  [
    'Node',
    [
      'node',
      '-e',
      'const fs=require("fs");new (require("worker_threads").Worker)("0",{eval:true});require("child_process").execFileSync("true");setTimeout(()=>console.log(fs.readdirSync("/proc").length>5, require("os").cpus().length>0),5)',
    ],
  ],
  [
    'Python',
    [
      'python3',
      '-c',
      'import os,subprocess,threading,socket,time;subprocess.run(["true"],check=True);t=threading.Thread(target=time.sleep,args=(0.01,));t.start();t.join();socket.socket().close();print("ok")',
    ],
  ],
])('the default profile lets %s run', async (_name, command) => {
  const path = await specBundle(
    [...DEFAULT, ...['/usr', '/etc'].flatMap((place) => ['--bind', `${place}:${place}:ro`])],
    command,
  );
  const rootfs = join(path, 'rootfs');
  rmSync(join(rootfs, 'bin'), { recursive: true });
  mkdirSync(join(rootfs, 'usr'));
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    symlinkSync(`usr/${name}`, join(rootfs, name));
  const result = await lab.runtime()(['run', '--bundle', path, newId()]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).not.toBe('');
});
