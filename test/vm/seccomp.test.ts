/** linux.seccomp: what the kernel of this machine does not show. */

import { expect, test } from 'vitest';

import type { LinuxSeccompFlag } from '../../src/spec/types.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

test('a filter forbids speculation past stores, and none does with SPEC_ALLOW', async (context) => {
  const line = "sed -n 's/^Speculation_Store_Bypass:[^a-z]*//p' /proc/self/status";
  const run = (flags: LinuxSeccompFlag[]): string => {
    const bundle = guest.bundle(line, (spec) => {
      const syscalls = [{ names: ['acct'], action: 'SCMP_ACT_ERRNO' as const }];
      spec.linux = {
        ...spec.linux,
        seccomp: { defaultAction: 'SCMP_ACT_ALLOW', flags, syscalls },
      };
    });
    return `tsrun run --bundle ${bundle} ${guest.newId()}`;
  };
  const output = await guest.output(`
    ${line}; cat /sys/devices/system/cpu/vulnerabilities/spec_store_bypass
    ${run([])}
    ${run(['SECCOMP_FILTER_FLAG_SPEC_ALLOW'])}`);
  const [outside, machine = '', ...seen] = output.trimEnd().split('\n');
  if (!machine.includes('seccomp')) {
    context.skip(`the virtual machine's processor has no such switch: ${machine}`);
  }
  expect(outside).toBe('thread vulnerable');
  expect(seen).toEqual(['thread force mitigated', 'thread vulnerable']);
});
