/** linux.seccomp of the features document (features-linux.md). */

import type { Native } from '../native/types.js';
import type { LinuxSeccompFeatures, LinuxSeccompFlag } from '../spec/types.js';
import { SECCOMP_FLAGS } from './flags.js';

/** Goes with WAIT_KILLABLE_RECV, which the kernel refuses alone. */
const NEW_LISTENER = 8;

/** @param native without it nothing is said of the host */
export function seccompFeatures(
  native: Pick<Native, 'seccompFlagWorks'> | undefined,
): LinuxSeccompFeatures {
  const flags = Object.keys(SECCOMP_FLAGS) as LinuxSeccompFlag[];
  const works = (flag: LinuxSeccompFlag): boolean => {
    const value = SECCOMP_FLAGS[flag];
    const listener = flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' ? NEW_LISTENER : 0;
    return native?.seccompFlagWorks(value | listener) === true;
  };
  return {
    enabled: true,
    actions: [
      'SCMP_ACT_KILL',
      'SCMP_ACT_KILL_PROCESS',
      'SCMP_ACT_KILL_THREAD',
      'SCMP_ACT_TRAP',
      'SCMP_ACT_ERRNO',
      'SCMP_ACT_TRACE',
      'SCMP_ACT_ALLOW',
      'SCMP_ACT_LOG',
      'SCMP_ACT_NOTIFY',
    ],
    operators: [
      'SCMP_CMP_NE',
      'SCMP_CMP_LT',
      'SCMP_CMP_LE',
      'SCMP_CMP_EQ',
      'SCMP_CMP_GE',
      'SCMP_CMP_GT',
      'SCMP_CMP_MASKED_EQ',
    ],
    // libseccomp filters several architectures at once where their byte order is the machine's.
    archs: [
      'SCMP_ARCH_X86',
      'SCMP_ARCH_X86_64',
      'SCMP_ARCH_X32',
      'SCMP_ARCH_ARM',
      'SCMP_ARCH_AARCH64',
      'SCMP_ARCH_LOONGARCH64',
      'SCMP_ARCH_MIPSEL',
      'SCMP_ARCH_MIPSEL64',
      'SCMP_ARCH_MIPSEL64N32',
      'SCMP_ARCH_PPC64LE',
      'SCMP_ARCH_RISCV64',
      'SCMP_ARCH_SH',
    ],
    knownFlags: flags,
    ...(native === undefined ? {} : { supportedFlags: flags.filter(works) }),
  };
}
