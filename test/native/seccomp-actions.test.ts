/** Actions and flags of linux.seccomp, by what comes of them. */

import { closeSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { kill } from 'node:process';
import { expect, test } from 'vitest';

import type { LinuxSeccomp, LinuxSeccompFlag, LinuxSyscall } from '../../src/spec/types.js';
import { listenForAudit } from '../support/audit.js';
import { NR, useCalls, useProbe } from '../support/calls.js';
import { allowing, deny, filterWith } from '../support/filters.js';
import { program, useContainers } from '../support/inside.js';
import { STRACE } from '../support/late-trace.js';
import { answerCall, isWaiting, takeCall } from '../support/notifications.js';
import type { Result } from '../support/tsrun.js';
import { acceptMessages, listenUnix } from '../support/unix-socket.js';

const lab = useContainers();
const filter = filterWith(useCalls());
const probe = useProbe();

const umask = (rule: Omit<LinuxSyscall, 'names'>): LinuxSeccomp =>
  allowing({ names: ['umask'], ...rule });

/** seccomp-probe behind a filter. */
function probing(what: string, seccomp: LinuxSeccomp): Promise<Result> {
  return lab.run(`exec /bin/seccomp-probe ${what} ${NR.umask}`, (spec, bundle) => {
    filter(seccomp)(spec, bundle);
    probe.into(bundle);
  });
}

test.each(['SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD'] as const)(
  '%s ends the thread and not its process',
  async (action) => {
    const { status, stdout } = await probing('thread', umask({ action }));
    expect([status, stdout]).toEqual([0, 'the process lives\n']);
  },
);

test.each(['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP'] as const)(
  '%s of a second thread ends the process by SIGSYS',
  async (action) => {
    const { status, stdout } = await probing('thread', umask({ action }));
    expect([status, stdout]).toEqual([128 + 31, '']);
  },
);

test.each([
  [undefined, 1],
  [5, 5],
  [0, 0],
  [0xffff, 0xffff],
])(
  'SCMP_ACT_TRACE with errnoRet %s tells a tracer %i, who may let the call pass',
  async (errnoRet, message) => {
    const rule = {
      action: 'SCMP_ACT_TRACE' as const,
      ...(errnoRet === undefined ? {} : { errnoRet }),
    };
    const { status, stdout } = await probing('trace', umask(rule));
    // What umask(2) gave before: 022.
    expect([status, stdout]).toEqual([0, `event ${message}\nexit 18\n`]);
  },
);

test.each<[number | undefined, string]>([
  [undefined, '-1\n'],
  [13, '-13\n'],
  [4094, '-4094\n'],
  // The call is not made, and nobody is told.
  [0, '0\n'],
])('an errno of %s', async (errnoRet, printed) => {
  const errno = errnoRet === undefined ? {} : { errnoRet };
  const result = await lab.run(
    `/bin/call ${NR.umask} 5; umask`,
    filter(
      umask({
        action: 'SCMP_ACT_ERRNO',
        ...errno,
        args: [{ index: 0, value: 5, op: 'SCMP_CMP_EQ' }],
      }),
    ),
  );
  expect(result.stdout).toBe(`${printed}0022\n`);
});

test('an errno that is none is refused by its pointer', async () => {
  const result = await lab.run('true', filter(umask({ action: 'SCMP_ACT_ERRNO', errnoRet: 4095 })));
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toContain('/linux/seccomp/syscalls/0/errnoRet');
});

test.each([
  [undefined, '-1\n'],
  [95, '-95\n'],
])('a defaultErrnoRet of %s is what others get', async (defaultErrnoRet, printed) => {
  const names =
    'arch_prctl brk close dup dup2 execve exit_group fcntl fork fstat getcwd getegid geteuid getgid getpid ' +
    'getppid getrandom getuid ioctl mmap mprotect newfstatat open openat prctl prlimit64 read readlink ' +
    'readlinkat rseq rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list set_tid_address setgid setuid ' +
    'uname vfork wait4 write writev';
  const result = await lab.run(
    `exec /bin/call ${NR.umask} 5`,
    filter({
      defaultAction: 'SCMP_ACT_ERRNO',
      ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
      syscalls: [{ names: names.split(' '), action: 'SCMP_ACT_ALLOW' }],
    }),
  );
  expect(result).toMatchObject({ status: 0, stdout: printed });
});

/** The third argument's call and flags of the load, as strace saw them. */
async function flagsOfLoading(flags: LinuxSeccompFlag[], rule: LinuxSyscall): Promise<string> {
  const notifies = rule.action === 'SCMP_ACT_NOTIFY';
  const path = join(lab.directory(), 'listener');
  const listening = notifies ? listenUnix(path) : -1;
  const taken = notifies ? acceptMessages(listening) : Promise.resolve([]);
  const log = join(lab.directory(), 'trace');
  const prefix = [...STRACE, '--trace=seccomp', '--output', log, '--'];
  const seccomp = { ...allowing(rule), flags, ...(notifies ? { listenerPath: path } : {}) };
  expect(await lab.run('true', filter(seccomp), { prefix })).toMatchObject({ status: 0 });
  for (const fd of (await taken).flatMap(({ fds }) => fds)) closeSync(fd);
  if (notifies) closeSync(listening);
  const loads = readFileSync(log, 'utf8').matchAll(
    /SECCOMP_SET_MODE_FILTER, ([\w|]+), \{len=.* = (?:0|\d+)$/gm,
  );
  return [...loads].map(([, found]) => found).join();
}

test.each<[LinuxSeccompFlag[], LinuxSyscall, string]>([
  [[], deny('acct'), '0'],
  [['SECCOMP_FILTER_FLAG_TSYNC'], deny('acct'), 'SECCOMP_FILTER_FLAG_TSYNC'],
  [['SECCOMP_FILTER_FLAG_LOG'], deny('acct'), 'SECCOMP_FILTER_FLAG_LOG'],
  [['SECCOMP_FILTER_FLAG_SPEC_ALLOW'], deny('acct'), 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
  [
    ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
    { names: ['acct'], action: 'SCMP_ACT_NOTIFY' },
    'SECCOMP_FILTER_FLAG_NEW_LISTENER|SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
  ],
])('the flags %j are those of seccomp(2)', async (flags, rule, expected) => {
  expect(await flagsOfLoading(flags, rule)).toBe(expected);
});

test('SPEC_ALLOW leaves speculation as it is, where the kernel lets a filter change it', async (context) => {
  const line = "grep '^Speculation_Store_Bypass' /proc/self/status";
  const status = async (flags: LinuxSeccompFlag[]): Promise<string> => {
    const found = await lab.inspect({ line }, filter({ ...allowing(deny('acct')), flags }));
    return found.line;
  };
  const outside = program('sh', ['-c', line]).trimEnd();
  const without = await status([]);
  expect(await status(['SECCOMP_FILTER_FLAG_SPEC_ALLOW'])).toBe(outside);
  if (without === outside) {
    context.skip('this kernel changes nothing for a filter (that of test/vm/seccomp.test.ts does)');
  }
  expect(without).toContain('thread force mitigated');
});

test('LOG tells of the calls that are denied, and SCMP_ACT_LOG of those that it lets pass', async (context) => {
  const logged = readFileSync('/proc/sys/kernel/seccomp/actions_logged', 'utf8').trim().split(' ');
  if (!logged.includes('errno') || !logged.includes('log'))
    context.skip('this kernel logs neither');
  const audit = listenForAudit();
  if (audit === undefined) context.skip('this kernel has no audit');
  else {
    const name = (letter: string): string => `${letter}-${process.pid}`;
    const scenes: [string, LinuxSeccomp][] = [
      ['quiet', umask({ action: 'SCMP_ACT_ERRNO', errnoRet: 99 })],
      [
        'denied',
        {
          ...umask({ action: 'SCMP_ACT_ERRNO', errnoRet: 99 }),
          flags: ['SECCOMP_FILTER_FLAG_LOG'],
        },
      ],
      ['passed', umask({ action: 'SCMP_ACT_LOG' })],
    ];
    const printed: string[] = [];
    for (const [what, seccomp] of scenes) {
      const result = await lab.run(`exec /bin/${name(what)} ${NR.umask} 0`, (spec, bundle) => {
        filter(seccomp)(spec, bundle);
        // The name of a link is that of the process.
        symlinkSync('call', join(bundle.rootfs, 'bin', name(what)));
      });
      printed.push(result.stdout);
    }
    expect(printed).toEqual(['-99\n', '-99\n', '18\n']);
    const records = await audit.until(name('passed'));
    audit.close();
    expect(records.filter(({ comm }) => comm.endsWith(`-${process.pid}`))).toEqual([
      { comm: name('denied'), syscall: NR.umask, code: 0x50000 },
      { comm: name('passed'), syscall: NR.umask, code: 0x7ffc0000 },
    ]);
  }
});

interface Asking {
  fd: number;
  /** Of the run that waits for the answer. */
  end: Promise<Result>;
}

/** Runs seccomp-probe, whose umask(2) is asked about. */
async function asking(flags: LinuxSeccompFlag[]): Promise<Asking> {
  const path = join(lab.directory(), 'listener');
  const listening = listenUnix(path);
  const taken = acceptMessages(listening);
  const seccomp = { ...umask({ action: 'SCMP_ACT_NOTIFY' }), flags, listenerPath: path };
  const end = probing('signal', seccomp);
  const [fd = -1] = (await taken).flatMap(({ fds }) => fds);
  closeSync(listening);
  return { fd, end };
}

const stateOf = (pid: number): string =>
  /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

/** A process that asked, was heard, and then got a signal that it handles. */
async function signalled(): Promise<Asking & { id: bigint; pid: number }> {
  const { fd, end } = await asking(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']);
  const { id, pid } = await takeCall(fd);
  kill(pid, 'SIGUSR1');
  // The signal wakes it, and it waits again so that only a fatal one does.
  await expect.poll(() => stateOf(pid), { interval: 1, timeout: 10_000 }).toBe('D');
  return { fd, end, id, pid };
}

test('WAIT_KILLABLE_RECV: who is heard waits for the answer, whatever signal comes', async () => {
  const { fd, end, id } = await signalled();
  expect(isWaiting(fd, id)).toBe(true);
  answerCall(fd, id, 42);
  expect(await end).toMatchObject({ status: 0, stdout: 'handled\nresult -1\n' });
  closeSync(fd);
});

test('without it a signal takes the question back, and the call is made anew', async () => {
  const { fd, end } = await asking([]);
  const first = await takeCall(fd);
  kill(first.pid, 'SIGUSR1');
  const second = await takeCall(fd);
  expect([isWaiting(fd, first.id), isWaiting(fd, second.id)]).toEqual([false, true]);
  expect(second.id).not.toBe(first.id);
  answerCall(fd, second.id, 42);
  expect(await end).toMatchObject({ status: 0, stdout: 'handled\nresult -1\n' });
  closeSync(fd);
});

test('a fatal signal ends who waits for an answer so', async () => {
  const { fd, end, id, pid } = await signalled();
  kill(pid, 'SIGKILL');
  expect(await end).toMatchObject({ status: 128 + 9 });
  expect(isWaiting(fd, id)).toBe(false);
  closeSync(fd);
});
