/** Filters of system calls, over libseccomp. */

/** linux.seccomp with everything resolved, for libseccomp. */
export interface SeccompProfile {
  /** SECCOMP_RET_* with its data. */
  defaultAction: number;
  /** libseccomp's names (`x86_64`); the machine's own is always in. */
  architectures: readonly string[];
  rules: readonly SeccompRule[];
}

export interface SeccompRule {
  names: readonly string[];
  action: number;
  /** Four numbers a comparison, all of which must hold: argument, scmp_compare, and its two values. */
  args: readonly (number | bigint)[];
}

export interface SeccompCompiled {
  /** 0, or the negated errno with which it failed. */
  error: number;
  /** Where: index into architectures or rules, -1 elsewhere, and the name of the call. */
  architecture: number;
  rule: number;
  name: string;
  /** sock_filter instructions of 8 bytes. */
  program: Uint8Array;
  /** libseccomp's number of each architecture, the machine's own first, with the highest number of a call that a rule names (-1 for none). */
  architectures: [number, number][];
  /** Names of calls that libseccomp does not know. */
  unknown: string[];
}

export interface NativeSeccomp {
  compileSeccomp(profile: SeccompProfile): SeccompCompiled;
  /** What a compiled filter depends on besides its profile: libseccomp, the architecture, the kernel's abilities. */
  seccompSystem(): string;
  /** Version of the linked libseccomp. */
  seccompVersion(): string;
  /** Whether the kernel takes this SECCOMP_FILTER_FLAG_*. */
  seccompFlagWorks(flag: number): boolean;
  /** Number of a call on this machine; negative for a name that it has no call of. */
  systemCallNumber(name: string): number;
  /** BLAKE2b of 256 bits, in hexadecimal. */
  digest(data: string | Uint8Array): string;
}
