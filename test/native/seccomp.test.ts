/** linux.seccomp: what a filter does to the calls of real programs. */

import { expect, test } from 'vitest';

import type { LinuxSeccomp } from '../../src/spec/types.js';
import { linuxOf, useContainers, processOf } from '../support/inside.js';
import type { Change } from '../support/inside.js';

const lab = useContainers();

const filter =
  (seccomp: LinuxSeccomp, noNewPrivileges = true): Change =>
  (spec) => {
    linuxOf(spec).seccomp = seccomp;
    processOf(spec).noNewPrivileges = noNewPrivileges;
  };

const NO_MKDIR: LinuxSeccomp = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 99 }],
};

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
