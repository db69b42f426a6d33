/** linux.seccomp: what a filter does to the calls of real programs. */

import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { LinuxSeccomp, LinuxSyscall, Spec } from '../../src/spec/types.js';
import { NR, useCalls } from '../support/calls.js';
import { linuxOf, processOf, useContainers } from '../support/inside.js';
import type { Change } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();

const calls = useCalls();

/** Allows what the rules do not say. */
const allowing = (...syscalls: LinuxSyscall[]): LinuxSeccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls,
});

const deny = (...names: string[]): LinuxSyscall => ({
  names,
  action: 'SCMP_ACT_ERRNO',
  errnoRet: 99,
});

const filter =
  (seccomp: LinuxSeccomp, noNewPrivileges = true, more: (spec: Spec) => void = () => undefined) =>
  (...[spec, bundle]: Parameters<Change>): void => {
    linuxOf(spec).seccomp = seccomp;
    processOf(spec).noNewPrivileges = noNewPrivileges;
    calls.into(bundle);
    more(spec);
  };

const NO_MKDIR = allowing(deny('mkdir', 'mkdirat', 'no_such_call'));

test.each([true, false])('an errno of the profile, noNewPrivileges %s', async (privileges) => {
  const found = await lab.inspect(
    {
      mkdir: 'mkdir /dev/shm/x || true',
      status: "grep -E '^(NoNewPrivs|Seccomp|Seccomp_filters):' /proc/self/status",
    },
    filter(NO_MKDIR, privileges),
  );
  expect(found.mkdir).toContain('Cannot assign requested address');
  expect(found.status.replace(/\t/g, ' ')).toBe(
    `NoNewPrivs: ${privileges ? '1' : '0'}\nSeccomp: 2\nSeccomp_filters: 1`,
  );
});

test('every operator compares all 64 bits', async () => {
  const big = 0xffff_ffff_0000_0007n;
  const rule = (
    name: string,
    op: string,
    value: number | bigint,
    valueTwo?: number,
  ): LinuxSyscall =>
    ({
      ...deny(name),
      args: [{ index: 5, value, op, ...(valueTwo === undefined ? {} : { valueTwo }) }],
    }) as LinuxSyscall;
  // The sixth argument, which none of these calls has; each with one that passes and one that is denied.
  const cases: [keyof typeof NR, LinuxSyscall, string, string][] = [
    ['umask', rule('umask', 'SCMP_CMP_EQ', big), '7', '0xffffffff00000007'],
    ['alarm', rule('alarm', 'SCMP_CMP_NE', 0x1_0000_0000), '0x100000000', '0'],
    ['getpgid', rule('getpgid', 'SCMP_CMP_LT', 0x1_0000_0001), '0x100000001', '0x100000000'],
    ['getsid', rule('getsid', 'SCMP_CMP_LE', 0x1_0000_0001), '0x100000002', '0x100000001'],
    ['setfsuid', rule('setfsuid', 'SCMP_CMP_GE', 0x2_0000_0000), '0x1ffffffff', '0x200000000'],
    ['setfsgid', rule('setfsgid', 'SCMP_CMP_GT', 0x2_0000_0000), '0x200000000', '0x200000001'],
    ['dup', rule('dup', 'SCMP_CMP_MASKED_EQ', 0xf0, 0x50), '0x65', '0x15f'],
  ];
  const script = cases
    .flatMap(([name, , passes, denied]) =>
      [passes, denied].map((value) => `/bin/call ${NR[name]} 0 0 0 0 0 ${value}`),
    )
    .join('; ');
  const result = await lab.run(script, filter(allowing(...cases.map(([, each]) => each))));
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const { stdout } = result;
  const results = stdout.trimEnd().split('\n').map(Number);
  expect(results).toHaveLength(2 * cases.length);
  expect(results.map((result) => result === -99)).toEqual(cases.flatMap(() => [false, true]));
});

test.each<[LinuxSyscall['action'], number | undefined, string, number]>([
  ['SCMP_ACT_KILL', undefined, '', 159],
  ['SCMP_ACT_KILL_THREAD', undefined, '', 159],
  ['SCMP_ACT_KILL_PROCESS', undefined, '', 159],
  ['SCMP_ACT_TRAP', undefined, '', 159],
  ['SCMP_ACT_LOG', undefined, '18\n', 0],
  ['SCMP_ACT_ALLOW', undefined, '18\n', 0],
  ['SCMP_ACT_ERRNO', undefined, '-1\n', 0],
  ['SCMP_ACT_ERRNO', 38, '-38\n', 0],
  // Without a tracer the call is not there.
  ['SCMP_ACT_TRACE', 5, '-38\n', 0],
])('%s %s', async (action, errnoRet, stdout, status) => {
  const rule = { names: ['umask'], action, ...(errnoRet === undefined ? {} : { errnoRet }) };
  const { stdout: printed, status: exit } = await lab.run(
    `exec /bin/call ${NR.umask} 0x12`,
    filter(
      // The exec'd program starts with umask 022.
      { ...allowing(rule), flags: ['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'] },
    ),
  );
  expect([printed, exit]).toEqual([stdout, status]);
});

test('the rules hold for 32-bit programs where the profile names their architecture', async () => {
  const script = `/bin/call ${NR.umask} 0; exec /bin/call i386 60 0`;
  const both = { ...allowing(deny('umask')), architectures: ['SCMP_ARCH_X86'] as const };
  const covered = await lab.run(
    script,
    filter({ ...both, architectures: [...both.architectures] }),
  );
  expect([covered.stdout, covered.status]).toEqual(['-99\n-99\n', 0]);
  const foreign = await lab.run(script, filter(allowing(deny('umask'))));
  expect([foreign.stdout, foreign.status]).toEqual(['-99\n', 159]);
});

test('calls that are newer than the profile are not there; others that it leaves out are denied', async () => {
  const names =
    'read write open openat close mmap munmap mprotect brk execve exit exit_group ioctl';
  const more =
    'arch_prctl fstat newfstatat getuid geteuid getgid getegid getpid getppid umask writev';
  const rest =
    'rt_sigaction rt_sigprocmask rt_sigreturn set_tid_address set_robust_list rseq uname';
  const last =
    'readlink readlinkat prlimit64 getrandom fork vfork clone wait4 dup2 fcntl dup getcwd';
  const seccomp: LinuxSeccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    syscalls: [{ names: `${names} ${more} ${rest} ${last}`.split(' '), action: 'SCMP_ACT_ALLOW' }],
  };
  // The highest number that is named is that of rseq, 334.
  const { stdout, stderr } = await lab.run(
    `/bin/call ${NR.keyctl}; /bin/call 424; /bin/call ${NR.clone3}; /bin/call 9999`,
    filter(seccomp),
  );
  expect([stdout, stderr]).toEqual(['-1\n-38\n-38\n-38\n', '']);
});

test.each<[string, string[], boolean, (spec: Spec) => void]>([
  ['read', ['read'], true, () => undefined],
  ['close', ['close'], true, () => undefined],
  ['execve', ['execve'], true, () => undefined],
  ['setresuid', ['setresuid'], false, () => undefined],
  ['capset', ['capset'], false, () => undefined],
  [
    'waitid',
    ['waitid'],
    true,
    (spec) => (spec.hooks = { startContainer: [{ path: '/bin/true' }] }),
  ],
])(
  'a profile that denies %s, which is still needed, is refused by create',
  async (name, names, privileges, more) => {
    const result = await lab.run('true', filter(allowing(deny(...names)), privileges, more));
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toBe(
      `tsrun: /linux/seccomp: the filter answers ERRNO 99 to ${name}(2), ` +
        'which is needed between loading it and running the program\n',
    );
  },
);

test.each(['true', '/bin/true'])('%s is found without faccessat2', async (file) => {
  const older = filter(allowing(deny('faccessat2')), false, (spec) => {
    processOf(spec).args = [file];
  });
  expect(await lab.run('', older)).toMatchObject({ status: 0, stderr: '' });
});

test('what is not needed any more may be denied, and hooks run behind the filter', async () => {
  const denied = deny('setresuid', 'capset', 'sendmsg', 'clone3', 'openat2', 'mount');
  const result = await lab.run(
    'echo ran',
    filter(allowing(denied), true, (spec) => {
      spec.hooks = { startContainer: [{ path: '/bin/true' }] };
    }),
  );
  expect(result).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
});

test('a program that is not there is still told of by start', async () => {
  const { path } = lab.bundle(
    'true',
    filter(allowing(deny('sendmsg')), true, (spec) => {
      processOf(spec).args = ['/bin/script'];
      spec.hooks = {
        startContainer: [{ path: '/bin/false' }],
      };
    }),
  );
  const result = await lab.runtime()(['run', '--bundle', path, newId()]);
  expect(result.status).not.toBe(0);
  expect(result.stderr).toContain('no such file or directory');
});

test('exec runs behind the filter of the container', async () => {
  const { path } = lab.bundle('sleep 1000', filter(NO_MKDIR));
  const runtime = lab.runtime();
  const id = newId();
  const stdio: ['ignore', 'ignore', 'ignore'] = ['ignore', 'ignore', 'ignore'];
  expect((await runtime(['run', '--detach', '--bundle', path, id], { stdio })).status).toBe(0);
  const script = 'mkdir /dev/shm/x; grep Seccomp_filters /proc/self/status';
  const result = await runtime(['exec', id, 'sh', '-c', script]);
  expect(result.stdout).toBe('Seccomp_filters:\t1\n');
  expect(result.stderr).toContain('Cannot assign requested address');
  const missing = await runtime(['exec', id, '/nope']);
  expect([missing.status, missing.stderr]).toEqual([
    255,
    'tsrun: exec: "/nope": no such file or directory\n',
  ]);
  await runtime(['delete', '--force', id]);
});

test('an architecture of another byte order is refused by its pointer', async () => {
  const result = await lab.run(
    'true',
    filter({ ...allowing(), architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_S390X'] }),
  );
  expect(result.status).toBe(1);
  expect(result.stderr).toContain(
    '/linux/seccomp/architectures/1: cannot filter the calls of SCMP_ARCH_S390X on this machine',
  );
});

test('a compiled program is used again, unless others could have changed it', async () => {
  const runtime = lab.runtime();
  const cache = join(runtime.root, '@seccomp');
  const entries = (): string[] => readdirSync(cache).sort();
  const mkdir = async (seccomp: LinuxSeccomp): Promise<string> => {
    const { stderr } = await lab.run('mkdir /dev/shm/x', filter(seccomp));
    return stderr;
  };
  await mkdir(NO_MKDIR);
  const [first = ''] = entries();
  expect(statSync(join(cache, first)).mode & 0o777).toBe(0o600);
  expect(await mkdir(allowing(deny('mknod')))).toBe('');
  const second = entries().find((name) => name !== first) ?? '';

  // Nothing is compiled: what has the name is loaded.
  renameSync(join(cache, second), join(cache, first));
  expect(await mkdir(NO_MKDIR)).toBe('');

  const denied = 'Cannot assign requested address';
  chmodSync(join(cache, first), 0o620);
  expect(await mkdir(NO_MKDIR)).toContain(denied);
  await mkdir(allowing(deny('mknod')));
  const other = entries().find((name) => name !== first) ?? '';
  renameSync(join(cache, other), join(cache, first));
  for (const path of [cache, runtime.root]) {
    const { mode } = statSync(path);
    chmodSync(path, 0o770);
    expect(await mkdir(NO_MKDIR)).toContain(denied);
    chmodSync(path, mode & 0o777);
  }
  // And is again when all is as it should be.
  expect(await mkdir(NO_MKDIR)).toBe('');
});

test('an entry that was tampered with is not used, nor one that is a link or of another', async () => {
  const cache = join(lab.runtime().root, '@seccomp');
  const denied = async (): Promise<boolean> => {
    const { stderr } = await lab.run('mkdir /dev/shm/x', filter(NO_MKDIR));
    return stderr.includes('Cannot assign requested address');
  };
  await lab.run('true', filter(allowing(deny('mknod'))));
  const [harmless = ''] = readdirSync(cache);
  expect(await denied()).toBe(true);
  const entry = join(cache, readdirSync(cache).find((name) => name !== harmless) ?? '');
  const whole = readFileSync(entry);

  // The program of the other entry below the digest of this one.
  const other = readFileSync(join(cache, harmless));
  writeFileSync(entry, Buffer.concat([whole.subarray(0, 64), other.subarray(64)]));
  expect(await denied()).toBe(true);
  // It has been made again.
  expect(readFileSync(entry)).toEqual(whole);

  renameSync(join(cache, harmless), join(cache, 'elsewhere'));
  rmSync(entry);
  symlinkSync('elsewhere', entry);
  expect(await denied()).toBe(true);

  writeFileSync(join(cache, 'elsewhere'), other, { mode: 0o600 });
  renameSync(join(cache, 'elsewhere'), entry);
  chownSync(entry, 1000, 1000);
  expect(await denied()).toBe(true);
  // What all of this was about: with its owner the same entry is used.
  writeFileSync(entry, other);
  chownSync(entry, 0, 0);
  expect(await denied()).toBe(false);
});

test('the cache has a most of entries', async () => {
  const cache = join(lab.runtime().root, '@seccomp');
  await lab.run('true', filter(allowing(deny('mknod'))));
  for (let i = 0; i < 80; i++) writeFileSync(join(cache, `z${String(i)}`), '', { mode: 0o600 });
  const before = readdirSync(cache);
  expect((await lab.run('mkdir /dev/shm/x', filter(NO_MKDIR))).stderr).not.toBe('');
  const after = readdirSync(cache);
  expect(after).toHaveLength(64);
  // The new one is among them.
  expect(after.filter((name) => !before.includes(name))).toHaveLength(1);
});

test('names that are not known are skipped, and logged for who asks', async () => {
  const { path } = lab.bundle('true', filter(NO_MKDIR));
  const log = join(path, 'log');
  const options = ['--debug', '--log', log, 'run', '--bundle', path, newId()];
  expect(await lab.runtime()(options)).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(log, 'utf8')).toContain(
    '/linux/seccomp: skipped, since libseccomp does not know them: no_such_call',
  );
});

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
