/** linux.seccomp: what a filter does to the calls of real programs. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { LinuxSeccomp, LinuxSyscall } from '../../src/spec/types.js';
import { NR, useCalls } from '../support/calls.js';
import { allowing, deny, filterWith } from '../support/filters.js';
import { processOf, useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();
const filter = filterWith(useCalls());

const hex = (value: bigint): string => `0x${value.toString(16)}`;

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
  // What a double cannot tell from its neighbours.
  const odd = 2n ** 53n + 1n;
  const rule = (
    name: string,
    op: string,
    value: number | bigint,
    valueTwo?: number | bigint,
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
    ['getpriority', rule('getpriority', 'SCMP_CMP_EQ', odd), hex(odd - 1n), hex(odd)],
    ['setpgid', rule('setpgid', 'SCMP_CMP_NE', odd), hex(odd), hex(odd - 1n)],
    ['getpgrp', rule('getpgrp', 'SCMP_CMP_GT', odd - 1n), hex(odd - 1n), hex(odd)],
    ['getuid', rule('getuid', 'SCMP_CMP_GE', odd), hex(odd - 1n), hex(odd)],
    ['getgid', rule('getgid', 'SCMP_CMP_LT', odd), hex(odd), hex(odd - 1n)],
    ['geteuid', rule('geteuid', 'SCMP_CMP_LE', odd - 1n), hex(odd), hex(odd - 1n)],
    [
      'getegid',
      rule('getegid', 'SCMP_CMP_MASKED_EQ', 0xffff_0000_0000_ffffn, 0xabcd_0000_0000_0001n),
      '0xabcc000000000001',
      '0xabcd123456780001',
    ],
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

test('the rules hold for calls of the x32 ABI where the profile names it', async () => {
  // A filter is asked before the kernel looks whether it has the ABI.
  const umask = `exec /bin/call ${NR.umask + 0x40000000} 0`;
  const both = { ...allowing(deny('umask')), architectures: ['SCMP_ARCH_X32' as const] };
  const covered = await lab.run(umask, filter(both));
  expect([covered.stdout, covered.status]).toEqual(['-99\n', 0]);
  const foreign = await lab.run(umask, filter(allowing(deny('umask'))));
  expect([foreign.stdout, foreign.status]).toEqual(['', 159]);
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

const UMASK_5 = { args: [{ index: 0, value: 5, op: 'SCMP_CMP_EQ' as const }] };

test('a rule that contradicts an earlier one is refused by its pointer, and the same twice is not', async () => {
  const twice = allowing({ ...deny('umask'), ...UMASK_5 }, { ...deny('umask'), ...UMASK_5 });
  const same = await lab.run(`/bin/call ${NR.umask} 5`, filter(twice));
  expect(same).toMatchObject({ status: 0, stdout: '-99\n', stderr: '' });
  const kill: LinuxSyscall = { names: ['acct', 'umask'], action: 'SCMP_ACT_KILL', ...UMASK_5 };
  const both = await lab.run('true', filter(allowing({ ...deny('umask'), ...UMASK_5 }, kill)));
  expect(both).toMatchObject({ status: 1, stdout: '' });
  expect(both.stderr).toBe(
    'tsrun: /linux/seccomp/syscalls/1: cannot compile the filter of umask: ' +
      'an earlier rule for it has the same arguments and another action\n',
  );
});

test('rules of sockets that socketcall of 32-bit programs does not show apart take one of their own', async () => {
  const family = (value: number, rule: Omit<LinuxSyscall, 'names'>): LinuxSyscall => ({
    names: ['socket'],
    args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    ...rule,
  });
  const rules = [
    family(38, { action: 'SCMP_ACT_ERRNO', errnoRet: 97 }),
    family(40, { action: 'SCMP_ACT_ERRNO', errnoRet: 99 }),
  ];
  const architectures: LinuxSeccomp['architectures'] = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'];
  const refused = await lab.run('true', filter({ ...allowing(...rules), architectures }));
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^tsrun: \/linux\/seccomp\/syscalls\/1: cannot compile the filter of socket: .*: a rule of socketcall before both decides\n$/,
  );
  const first = deny('socketcall');
  const result = await lab.run(
    `/bin/call ${NR.socket} 40 1 0; /bin/call ${NR.socket} 38 5 0; /bin/call i386 102 1 0`,
    filter({ ...allowing(first, ...rules), architectures }),
  );
  expect(result).toMatchObject({ status: 0, stdout: '-99\n-97\n-99\n' });
});

test('a rule for every call of a name decides before others, of which --debug tells', async () => {
  const kill: LinuxSyscall = { names: ['umask'], action: 'SCMP_ACT_KILL' };
  const rules = allowing({ ...kill, ...UMASK_5 }, deny('umask', 'acct'), kill);
  const { path } = lab.bundle(`/bin/call ${NR.umask} 5; /bin/call ${NR.umask} 6`, filter(rules));
  const log = join(path, 'log');
  const options = ['--debug', '--log', log, 'run', '--bundle', path, newId()];
  const { status, stdout } = await lab.runtime()(options);
  expect([status, stdout]).toEqual([0, '-99\n-99\n']);
  const told = readFileSync(log, 'utf8').match(/\/linux\/seccomp\/syscalls\/\d: means.*calls?/g);
  expect(told).toEqual(
    ['0', '2'].map(
      (rule) =>
        `/linux/seccomp/syscalls/${rule}: means nothing to umask, ` +
        'of which /linux/seccomp/syscalls/1 decides every call',
    ),
  );
});

test('a profile that comes to more than the kernel takes is refused', async () => {
  const rules = Array.from({ length: 1100 }, (_, value): LinuxSyscall => ({
    ...deny('umask'),
    args: [{ index: 0, value: value * 2 ** 32, op: 'SCMP_CMP_EQ' }],
  }));
  const result = await lab.run('true', filter(allowing(...rules)));
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(
    /^tsrun: \/linux\/seccomp: the filter has \d{4,} instructions, of which the kernel takes 4096\n$/,
  );
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
