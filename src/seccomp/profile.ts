/** linux.seccomp → what libseccomp is told. */

import type { SeccompProfile, SeccompRule } from '../native/types.js';
import type { Arch, LinuxSeccomp, LinuxSeccompArg, LinuxSeccompOperator } from '../spec/types.js';
import { actionValue } from './actions.js';

/** libseccomp's scmp_compare. */
const COMPARE: Record<LinuxSeccompOperator, number> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

export interface ResolvedProfile {
  profile: SeccompProfile;
  /** Index in linux.seccomp.syscalls of each rule of the profile. */
  origin: number[];
}

export function resolveProfile(seccomp: LinuxSeccomp): ResolvedProfile {
  const rules: SeccompRule[] = [];
  const origin: number[] = [];
  seccomp.syscalls?.forEach(({ names, action, errnoRet, args }, index) => {
    const value = actionValue(action, errnoRet);
    for (const group of groups(args ?? [])) {
      rules.push({ names, action: value, args: group.flatMap(comparison) });
      origin.push(index);
    }
  });
  return {
    profile: {
      defaultAction: actionValue(seccomp.defaultAction, seccomp.defaultErrnoRet),
      architectures: (seccomp.architectures ?? []).map(architectureName),
      rules,
    },
    origin,
  };
}

export interface HiddenRule {
  name: string;
  /** Indices in linux.seccomp.syscalls. */
  rule: number;
  by: number;
}

/**
 * Rules that libseccomp leaves out without a word: of the rules of a call, the
 * first that compares nothing decides alone. Managers' profiles have such
 * rules (an ALLOW for a capability, and an ERRNO for everybody), so they are
 * no error.
 */
export function hiddenRules({ defaultAction, syscalls = [], ...rest }: LinuxSeccomp): HiddenRule[] {
  const plain = actionValue(defaultAction, rest.defaultErrnoRet);
  const rules = new Map<string, { index: number; action: number; compares: boolean }[]>();
  syscalls.forEach(({ names, action: name, errnoRet, args = [] }, index) => {
    const action = actionValue(name, errnoRet);
    // One with the default action was never told to libseccomp.
    if (action === plain) return;
    for (const call of names) {
      const others = rules.get(call) ?? [];
      others.push({ index, action, compares: args.length > 0 });
      rules.set(call, others);
    }
  });
  return [...rules].flatMap(([name, all]) => {
    const whole = all.find(({ compares }) => !compares);
    if (whole === undefined) return [];
    return all
      .filter(({ action }) => action !== whole.action)
      .map(({ index }) => ({ name, rule: index, by: whole.index }));
  });
}

/**
 * All comparisons of a rule must hold. libseccomp takes one an argument; a
 * rule with more becomes a rule each, of which one must hold, as in runc and
 * crun: profiles rely on that.
 */
function groups(args: readonly LinuxSeccompArg[]): LinuxSeccompArg[][] {
  const indices = new Set(args.map(({ index }) => index));
  return indices.size === args.length ? [[...args]] : args.map((arg) => [arg]);
}

function comparison({ index, op, value, valueTwo }: LinuxSeccompArg): (number | bigint)[] {
  return [index, COMPARE[op], value, valueTwo ?? 0];
}

/** `SCMP_ARCH_X86_64` is libseccomp's `x86_64`. */
export function architectureName(arch: Arch): string {
  return arch.slice('SCMP_ARCH_'.length).toLowerCase();
}
