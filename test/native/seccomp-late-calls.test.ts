/**
 * What the helper still calls when the filter is loaded: a trace says what
 * that is, and a profile that denies one of them is an error that names it.
 */

import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { LinuxSeccompAction, LinuxSyscall, Process, Spec } from '../../src/spec/types.js';
import { useCalls } from '../support/calls.js';
import { allowing, deny, filterWith } from '../support/filters.js';
import { processOf, useContainers } from '../support/inside.js';
import { callsAfterLoading, TRACE } from '../support/late-trace.js';
import { newId } from '../support/tsrun.js';
import { acceptMessages, listenUnix } from '../support/unix-socket.js';

const lab = useContainers();
const filter = filterWith(useCalls());

const IGNORED: ['ignore', 'ignore', 'ignore'] = ['ignore', 'ignore', 'ignore'];

/** A user with groups and an ambient capability: all that can be set without noNewPrivileges. */
function somebody(process: Process): void {
  const kept = ['CAP_KILL'];
  process.user = { uid: 7, gid: 8, additionalGids: [9, 10] };
  process.capabilities = {
    bounding: [...kept, 'CAP_CHOWN'],
    effective: kept,
    permitted: kept,
    inheritable: kept,
    ambient: kept,
  };
}

function withHook(spec: Spec): void {
  spec.hooks = { startContainer: [{ path: '/bin/true', timeout: 20 }] };
}

const IDENTITY = [
  ...['capset', 'faccessat2', 'getcwd', 'newfstatat'],
  // PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_DUMPABLE, PR_CAP_AMBIENT (RAISE, CLEAR_ALL), PR_SET_KEEPCAPS.
  ...['prctl 23', 'prctl 24', 'prctl 4', 'prctl 47 2', 'prctl 47 4', 'prctl 8'],
  ...['setgroups', 'setresgid', 'setresuid', 'write'],
];
const HOOK = [
  ...['clock_gettime', 'clone', 'close_range', 'dup3', 'fcntl', 'getpid', 'lseek', 'memfd_create'],
  ...['pipe2', 'ppoll', 'setsid', 'waitid', 'write'],
];
const GATE = ['close', 'execve', 'read'];

const SCENES: [string, boolean, (spec: Spec) => void, string[]][] = [
  ['with noNewPrivileges', true, () => undefined, GATE],
  ['with noNewPrivileges and a hook', true, withHook, [...GATE, ...HOOK]],
  [
    'without',
    false,
    (spec) => {
      somebody(processOf(spec));
    },
    [...GATE, ...IDENTITY],
  ],
];

/** A rule against one call of a trace. */
function against(call: string, action: LinuxSeccompAction): LinuxSyscall {
  const [name = '', ...args] = call.split(' ');
  return {
    names: [name],
    action,
    ...(action === 'SCMP_ACT_ERRNO' ? { errnoRet: 99 } : {}),
    ...(args.length === 0
      ? {}
      : {
          args: args.map((value, index) => ({ index, value: Number(value), op: 'SCMP_CMP_EQ' })),
        }),
  };
}

/** What keeps a container from being started, by the call. */
const refusal = (call: string, answer: string): string =>
  `/linux/seccomp: the filter answers ${answer} to ${call.split(' ')[0] ?? ''}(2), ` +
  'which is needed between loading it and running the program\n';

test.each(SCENES)(
  'create %s calls this and nothing else',
  async (_name, privileges, more, calls) => {
    const log = join(lab.directory(), 'trace');
    // The path of a program is looked for, too.
    const change = filter(allowing(deny('acct')), privileges, (spec) => {
      more(spec);
      processOf(spec).args = ['true'];
    });
    const result = await lab.run('', change, {
      prefix: [...TRACE, '--output', log, '--'],
    });
    expect(result).toMatchObject({ status: 0 });
    expect(callsAfterLoading(readFileSync(log, 'utf8'))).toEqual([...new Set(calls)].sort());
  },
);

test.each(SCENES)('create %s names each that is denied', async (_name, privileges, more, calls) => {
  const said = join(lab.directory(), 'said');
  for (const call of new Set(calls)) {
    // Without faccessat2(2) the program is found too, but not by a process that is killed for it.
    const killed = call === 'faccessat2';
    const rule = against(call, killed ? 'SCMP_ACT_KILL_PROCESS' : 'SCMP_ACT_ERRNO');
    // A container that was made all the same would keep a pipe open.
    const stderr = openSync(said, 'w');
    const { status } = await lab.run('true', filter(allowing(rule), privileges, more), {
      ...{ verb: 'create', stdio: ['ignore', 'ignore', stderr] },
    });
    closeSync(stderr);
    const expected = `tsrun: ${refusal(call, killed ? 'KILL_PROCESS' : 'ERRNO 99')}`;
    expect([call, status, readFileSync(said, 'utf8')]).toEqual([call, 1, expected]);
    expect(lab.runtime().leftover()).toEqual([]);
  }
});

/** A container that waits, and the file of a process for `exec --process`. */
async function waiting(
  rules: readonly LinuxSyscall[],
  privileges: boolean,
): Promise<{ id: string; file: string }> {
  const bundle = lab.bundle('sleep 1000', filter(allowing(...rules)));
  const id = newId();
  const run = ['run', '--detach', '--bundle', bundle.path, id];
  expect(await lab.runtime()(run, { stdio: IGNORED })).toMatchObject({ status: 0 });
  const process: Process = { ...processOf(bundle.spec), args: ['true'], terminal: false };
  process.noNewPrivileges = privileges;
  if (!privileges) somebody(process);
  const file = join(bundle.path, 'process.json');
  writeFileSync(file, JSON.stringify(process));
  return { id, file };
}

test.each<[string, boolean, string[]]>([
  ['with noNewPrivileges', true, ['execve']],
  ['without', false, ['execve', 'read', ...IDENTITY]],
])('exec %s calls this and nothing else', async (_name, privileges, calls) => {
  const { id, file } = await waiting([deny('acct')], privileges);
  const log = join(lab.directory(), 'trace');
  const prefix = [...TRACE, '--output', log, '--'];
  const result = await lab.runtime()(['exec', '--process', file, id], { prefix });
  expect(result).toMatchObject({ status: 0 });
  expect(callsAfterLoading(readFileSync(log, 'utf8'))).toEqual([...calls].sort());
  await lab.runtime()(['delete', '--force', id]);
});

test('exec without noNewPrivileges names each that is denied', async () => {
  for (const call of IDENTITY) {
    const killed = call === 'faccessat2';
    // The container itself is started with noNewPrivileges and needs none of them.
    const rule = against(call, killed ? 'SCMP_ACT_KILL_PROCESS' : 'SCMP_ACT_ERRNO');
    const { id, file } = await waiting([rule], false);
    const { status, stderr } = await lab.runtime()(['exec', '--process', file, id]);
    const expected = `tsrun: ${refusal(call, killed ? 'KILL_PROCESS' : 'ERRNO 99')}`;
    expect([call, status, stderr]).toEqual([call, 255, expected]);
    await lab.runtime()(['delete', '--force', id]);
  }
});

test('with a listener the helper waits until it is handed over, and calls nothing else', async () => {
  const socket = join(lab.directory(), 'listener');
  const listening = listenUnix(socket);
  const log = join(lab.directory(), 'trace');
  const taken = acceptMessages(listening);
  const result = await lab.run(
    'true',
    filter({
      ...allowing({ names: ['acct'], action: 'SCMP_ACT_NOTIFY' }),
      listenerPath: socket,
    }),
    { prefix: [...TRACE, '--output', log, '--'] },
  );
  for (const fd of (await taken).flatMap(({ fds }) => fds)) closeSync(fd);
  closeSync(listening);
  expect(result).toMatchObject({ status: 0 });
  expect(callsAfterLoading(readFileSync(log, 'utf8'))).toEqual(GATE);
});

test('a profile that allows nothing but these starts a program', async () => {
  // What busybox takes for `true`, besides.
  const own =
    'arch_prctl brk exit_group getrandom getuid getgid setuid setgid mprotect prlimit64 readlinkat ' +
    'rseq set_robust_list set_tid_address newfstatat prctl open openat close read fstat';
  const result = await lab.run(
    '',
    filter(
      {
        defaultAction: 'SCMP_ACT_KILL_PROCESS',
        syscalls: [{ names: [...GATE, ...own.split(' ')], action: 'SCMP_ACT_ALLOW' }],
      },
      true,
      (spec) => {
        processOf(spec).args = ['true'];
      },
    ),
  );
  expect(result).toMatchObject({ status: 0, stderr: '' });
});

test('a hook with a timeout takes kill, and is ended without pidfd_send_signal', async () => {
  const hook =
    (timeout?: number) =>
    (spec: Spec): void => {
      const sleeps = { path: '/bin/sleep', args: ['sleep', '1000'] };
      const quick = { path: '/bin/true' };
      spec.hooks = { startContainer: [timeout === undefined ? quick : { ...sleeps, timeout }] };
    };
  const denied = await lab.run('true', filter(allowing(deny('kill')), true, hook(1)));
  expect(denied.stderr).toBe(`tsrun: ${refusal('kill', 'ERRNO 99')}`);
  const without = await lab.run('echo ran', filter(allowing(deny('kill')), true, hook()));
  expect(without).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
  const ended = await lab.run('true', filter(allowing(deny('pidfd_send_signal')), true, hook(1)));
  expect(ended.stderr).toContain('/hooks/startContainer/0');
});
