/** The profile of `tsrun spec --seccomp default`: what it refuses, and what runs behind it. */

import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { stringifyJson } from '../../src/spec/json.js';
import type { LinuxSeccomp, Spec } from '../../src/spec/types.js';
import { NR, useCalls, useCalls32 } from '../support/calls.js';
import { linuxOf, useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();
const calls = useCalls();
const calls32 = useCalls32();

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

/** In the place of EPERM, so that it is the filter that said so and not the kernel. */
const REFUSED = 99;

/** What becomes of the profile that `spec` wrote. */
type Edit = (seccomp: LinuxSeccomp) => void;

const marked: Edit = (seccomp) => {
  seccomp.defaultErrnoRet = REFUSED;
};

/** Makes calls, `NUMBER ARGUMENTS`, one after the other behind the profile: their results. */
async function results(
  made: readonly string[],
  edit: Edit = marked,
  options: readonly string[] = [],
): Promise<number[]> {
  const script = made.map((each) => `/bin/call ${each}`).join('; ');
  const path = await specBundle([...DEFAULT, ...options], ['sh', '-c', script]);
  const file = join(path, 'config.json');
  const spec = JSON.parse(readFileSync(file, 'utf8')) as Spec;
  const seccomp = linuxOf(spec).seccomp;
  if (seccomp !== undefined) edit(seccomp);
  writeFileSync(file, stringifyJson(spec));
  const { stdout } = await lab.runtime()(['run', '--bundle', path, newId()]);
  return stdout.trimEnd().split('\n').map(Number);
}

/**
 * Calls that must be refused, `NAME NUMBER ARGUMENTS`, by the capability that
 * lifts it. With it they are made: the arguments are such that nothing happens.
 */
const CLASSES: Record<string, string[]> = {
  '': [
    ...['add_key 248', 'request_key 249', 'keyctl 250 99', 'userfaultfd 323 0xffff'],
    ...['io_uring_setup 425 1 0', 'io_uring_enter 426 -1', 'io_uring_register 427 -1'],
    ...[
      'modify_ldt 154',
      'uselib 134 1',
      'ustat 136',
      'sysfs 139 99',
      '_sysctl 156',
      'nfsservctl 180',
    ],
    ...['lookup_dcookie 212', 'getpmsg 181', 'putpmsg 182', 'afs_syscall 183', 'tuxcall 184'],
    ...['security 185', 'vserver 236'],
    // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, and more bits than there are.
    ...[
      'personality 135 0x0040000',
      'personality 135 0x0400000',
      'personality 135 0xffffffffffffffff',
    ],
  ],
  sys_admin: [
    ...['mount 165 0 1', 'umount2 166 1', 'pivot_root 155 1 1', 'fsopen 430 1', 'fsconfig 431 -1'],
    ...['fsmount 432 -1', 'fspick 433 -1 1', 'move_mount 429 -1 1', 'open_tree 428 -1 1'],
    ...['mount_setattr 442 -1 1 0 1', 'statmount 457', 'listmount 458', 'unshare 272 0x8000000000'],
    ...['setns 308 -1', 'fanotify_init 300 0xffffffff', 'fanotify_mark 301 -1', 'quotactl 179 -1'],
    ...['quotactl_fd 443 -1', 'swapon 167 1', 'swapoff 168 1', 'sethostname 170 1 -1'],
    'setdomainname 171 1 -1',
    // A new namespace of each type, in a thread without its signal handlers, which cannot be.
    ...[
      '0x20000',
      '0x2000000',
      '0x4000000',
      '0x8000000',
      '0x10000000',
      '0x20000000',
      '0x40000000',
    ].map((flag) => `clone 56 ${String(Number(flag) + 0x10000)}`),
  ],
  bpf: ['bpf 321 9999'],
  perfmon: ['perf_event_open 298 1'],
  sys_ptrace: [
    ...[
      'ptrace 101 16 -1',
      'process_vm_readv 310 -1',
      'process_vm_writev 311 -1',
      'kcmp 312 -1 -1',
    ],
    ...['pidfd_getfd 438 -1', 'process_madvise 440 -1'],
  ],
  dac_read_search: ['open_by_handle_at 304 -1 1'],
  sys_chroot: ['chroot 161 1'],
  sys_module: [
    ...['init_module 175', 'finit_module 313 -1', 'delete_module 176 1', 'create_module 174 1'],
    ...['get_kernel_syms 177', 'query_module 178'],
  ],
  sys_boot: ['kexec_load 246 0 0 0 0xffffffff', 'kexec_file_load 320 -1 -1', 'reboot 169'],
  sys_pacct: ['acct 163 1'],
  syslog: ['syslog 103 99'],
  sys_time: [
    ...['settimeofday 164 1', 'clock_settime 227 9999', 'clock_adjtime 305 9999', 'adjtimex 159 1'],
  ],
  sys_rawio: ['iopl 172 99', 'ioperm 173 -1'],
  sys_nice: [
    ...[
      'mbind 237 1',
      'set_mempolicy 238 99',
      'get_mempolicy 239 1 0 0 0 99',
      'migrate_pages 256 -1',
    ],
    ...['move_pages 279 -1', 'set_mempolicy_home_node 450 1'],
  ],
  sys_tty_config: ['vhangup 153'],
};
/** Those that lift another's too. */
const ALSO: Record<string, string[]> = { sys_admin: ['bpf', 'perfmon'] };

const ALL = Object.values(CLASSES).flat();
const numbered = (call: string): string => call.slice(call.indexOf(' ') + 1);

test('the default profile refuses what a container has no use for', async () => {
  const found = await results(ALL.map(numbered));
  expect(ALL.filter((_, index) => found[index] !== -REFUSED)).toEqual([]);
  expect(found).toHaveLength(ALL.length);
});

test.each(Object.keys(CLASSES).filter((name) => name !== ''))(
  'the default profile allows what CAP_%s is for, and nothing else',
  async (capability) => {
    const found = await results(ALL.map(numbered), marked, ['--cap-add', capability]);
    const lifted = [capability, ...(ALSO[capability] ?? [])].flatMap((name) => CLASSES[name] ?? []);
    expect(ALL.filter((_, index) => found[index] !== -REFUSED).sort()).toEqual(lifted.sort());
  },
);

test('what the default profile answers is EPERM, and where programs fall back, what they wait for', async () => {
  const answers: [string, number][] = [
    [`${NR.keyctl} 0 -3 0`, -1],
    [`${NR.mount}`, -1],
    // clone3(2): its flags cannot be seen.
    [`${NR.clone3} 0 0`, -38],
    // AF_ALG, AF_VSOCK and what comes after them, and what is let pass.
    [`${NR.socket} 38 5 0`, -97],
    [`${NR.socket} 40 1 0`, -97],
    [`${NR.socket} 45 1 0`, -97],
    [`${NR.socket} 0x100000001 1 0`, -97],
    [`${NR.socket} 1 1 0`, 3],
    [`${NR.personality} 0xffffffff`, 0],
    [`${NR.personality} 0`, 0],
    [`${NR.umask} 0`, 18],
    // Newer than the profile.
    ['500', -38],
    ['0x3fffffff', -38],
  ];
  const found = await results(
    answers.map(([made]) => made),
    () => undefined,
  );
  expect(answers.map(([made], at) => [made, found[at]])).toEqual(answers);
});

test('the default profile is the same for calls of 32-bit programs', async () => {
  const refused = [
    ...[
      'mount 21',
      'umount 22',
      'ptrace 26 16 -1',
      'clone 120 0x10010000',
      'keyctl 288 99',
      'unshare 310',
    ],
    ...[
      'bpf 357 9999',
      'userfaultfd 374 0xffff',
      'io_uring_setup 425 1 0',
      'stime 25 1',
      'reboot 88',
    ],
    ...[
      'vm86old 113',
      'vm86 166',
      'modify_ldt 123',
      'personality 136 0x40000',
      'settimeofday 79 1',
    ],
    ...['clock_settime64 404 9999', 'init_module 128', 'setns 346 -1', 'process_vm_readv 347 -1'],
  ];
  const others: [string, number][] = [
    // socket(2): AF_ALG, AF_VSOCK, AF_UNIX.
    ['359 38 5 0', -97],
    ['359 40 1 0', -97],
    ['359 1 1 0', 3],
    // socketcall(2): SYS_SOCKET, SYS_CONNECT, of arguments that are not there.
    ['102 1 0', -38],
    ['102 3 0', -38],
    ['500', -38],
  ];
  const made = [...refused.map(numbered), ...others.map(([each]) => each)];
  const found = await results(made.map((each) => `i386 ${each}`));
  expect(refused.filter((_, index) => found[index] !== -REFUSED)).toEqual([]);
  expect(others.map(([each], index) => [each, found[refused.length + index]])).toEqual(others);
});

test('calls of the x32 ABI end the process: the default profile does not have it', async () => {
  const path = await specBundle(DEFAULT, ['sh', '-c', 'exec /bin/call 0x40000027']);
  const result = await lab.runtime()(['run', '--bundle', path, newId()]);
  expect(result).toMatchObject({ status: 128 + 31, stdout: '' });
});

test('a program of 32 bits has sockets by socket(2), and by socketcall(2) when it is allowed', async () => {
  const path = await specBundle(DEFAULT, [
    'sh',
    '-c',
    '/bin/call32 1; /bin/call32 38; /bin/call32 40',
  ]);
  calls32.into({ rootfs: join(path, 'rootfs') });
  const printed = async (): Promise<string[]> => {
    const { stdout } = await lab.runtime()(['run', '--bundle', path, newId()]);
    return stdout.trimEnd().split('\n');
  };
  expect(await printed()).toEqual([
    'socketcall -38 socket 3',
    'socketcall -38 socket -97',
    'socketcall -38 socket -97',
  ]);
  // As docs/seccomp.md says it is done.
  const file = join(path, 'config.json');
  const spec = JSON.parse(readFileSync(file, 'utf8')) as Spec;
  const [rule] = linuxOf(spec).seccomp?.syscalls ?? [];
  expect(rule?.names).toEqual(['socketcall']);
  Object.assign(rule ?? {}, { action: 'SCMP_ACT_ALLOW', errnoRet: undefined });
  writeFileSync(file, stringifyJson(spec));
  const [unix = '', ...others] = await printed();
  expect(unix).toBe('socketcall 3 socket 4');
  // The kernel answers, and not the filter.
  expect(others.filter((line) => line.startsWith('socketcall -38'))).toEqual([]);
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
