/** Row 18: a filter of system calls that is too early or too late, or rights that are left at execve. */

import { expect, test } from 'vitest';

import { linuxOf, processOf, useContainers } from '../support/inside.js';
import { fieldsOf } from '../support/scene.js';
import type { Spec } from '../../src/spec/types.js';

const lab = useContainers();

/** What set-up does in any case before the filter is loaded. */
const BEFORE = ['mount', 'move_mount', 'pivot_root', 'sethostname', 'openat2', 'mknodat', 'setns'];
/** What gives up rights: also before it, where noNewPrivileges lets the filter come last. */
const RIGHTS = ['setresuid', 'setresgid', 'setgroups', 'capset'];

/** A program whose process would be killed by each of these calls. */
const killing =
  (noNewPrivileges: boolean, args: string[]) =>
  (spec: Spec): void => {
    Object.assign(processOf(spec), {
      args,
      noNewPrivileges,
      user: { uid: 1000, gid: 1000, additionalGids: [7] },
      capabilities: { bounding: ['CAP_KILL'], inheritable: [], permitted: [], effective: [] },
    });
    const names = [...BEFORE, ...(noNewPrivileges ? RIGHTS : [])];
    linuxOf(spec).seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ names, action: 'SCMP_ACT_KILL_PROCESS' }],
    };
  };

const NONE = '0'.repeat(16);

test.each([true, false])(
  'at execve rights, descriptors and the filter are as they have to be, noNewPrivileges %s',
  async (noNewPrivileges) => {
    // Its first act is to look at itself: what it reads is what execve(2) was called with.
    const status = await lab.run('', killing(noNewPrivileges, ['cat', '/proc/self/status']));
    expect(status).toMatchObject({ status: 0, stderr: '' });
    expect(fieldsOf(status.stdout)).toMatchObject({
      Uid: '1000\t1000\t1000\t1000',
      Gid: '1000\t1000\t1000\t1000',
      Groups: '7',
      ...{ CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapAmb: NONE, CapBnd: '0000000000000020' },
      NoNewPrivs: noNewPrivileges ? '1' : '0',
      Seccomp: '2',
      Seccomp_filters: '1',
    });
    // 3 is the directory that it lists.
    const fds = await lab.run('', killing(noNewPrivileges, ['ls', '/proc/self/fd']));
    expect(fds).toMatchObject({ status: 0, stdout: '0\n1\n2\n3\n', stderr: '' });
  },
);

test('the filter is in force: a program that makes one of these calls is killed', async () => {
  const result = await lab.run('', (spec) => {
    // mount(2), by root.
    killing(true, ['mount', '-t', 'tmpfs', 'none', '/mnt'])(spec);
    processOf(spec).user = { uid: 0, gid: 0 };
  });
  expect(result).toMatchObject({ status: 128 + 31, stdout: '' });
});
