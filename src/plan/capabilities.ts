/** process.capabilities: names to bit masks (capabilities(7)). */

import type { LinuxCapabilities, Process } from '../spec/types.js';

/** Names in the order of their numbers (linux/capability.h). */
export const CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

const BITS: ReadonlyMap<string, bigint> = new Map(
  CAPABILITIES.map((name, number) => [name, 1n << BigInt(number)]),
);

export const CAP_SETGID = 1n << 6n;
export const CAP_SETUID = 1n << 7n;
export const CAP_SYS_PTRACE = 1n << 19n;
export const CAP_SYS_ADMIN = 1n << 21n;
export const CAP_MKNOD = 1n << 27n;

export interface CapabilityMasks {
  bounding: bigint;
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
  ambient: bigint;
}

type SetName = keyof CapabilityMasks;
const SETS: readonly SetName[] = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient'];

/** All that any of these processes asks for. */
export function askedCapabilities(processes: readonly (Process | undefined)[]): bigint {
  let asked = 0n;
  for (const process of processes) {
    for (const set of SETS) {
      for (const name of process?.capabilities?.[set] ?? []) asked |= BITS.get(name) ?? 0n;
    }
  }
  return asked;
}

/** What can be granted: all that the kernel has, in a user namespace that is not the caller's. */
export function grantableCapabilities(
  facts: { effective: bigint; bounding: bigint; lastCapability: number },
  ownUserNamespace: boolean,
): bigint {
  const known = (1n << BigInt(facts.lastCapability + 1)) - 1n;
  return ownUserNamespace ? facts.bounding & facts.effective & known : known;
}

/**
 * Masks of the five sets; no capabilities at all when there are none, as runc
 * does. What cannot be granted is left out with a warning, which the spec asks
 * for instead of a failure (config.md, capabilities).
 *
 * @param at JSON pointer of `capabilities`
 */
export function capabilityMasks(
  capabilities: LinuxCapabilities | undefined,
  grantable: bigint,
  at: string,
  warnings: string[],
): CapabilityMasks {
  const unknown: string[] = [];
  const refused: string[] = [];
  const masks: CapabilityMasks = {
    bounding: 0n,
    effective: 0n,
    permitted: 0n,
    inheritable: 0n,
    ambient: 0n,
  };
  for (const set of SETS) {
    let mask = 0n;
    for (const name of capabilities?.[set] ?? []) {
      const bit = BITS.get(name);
      if (bit === undefined) unknown.push(name);
      else if ((grantable & bit) === 0n) refused.push(name);
      else mask |= bit;
    }
    masks[set] = mask;
  }
  if (unknown.length > 0) warnings.push(`${at}: unknown, ignored: ${once(unknown)}`);
  if (refused.length > 0) {
    warnings.push(`${at}: cannot be granted here, ignored: ${once(refused)}`);
  }
  // The kernel's own rules (capset(2), prctl(2)): it would refuse the whole set for one of these.
  const limit = (set: SetName, within: bigint, rule: string): void => {
    const excess = masks[set] & ~within;
    if (excess === 0n) return;
    masks[set] &= within;
    warnings.push(`${at}/${set}: ignored, not ${rule}: ${capabilityNames(excess).join(', ')}`);
  };
  limit('effective', masks.permitted, 'permitted');
  limit('inheritable', masks.bounding, 'in the bounding set');
  // `runc spec` lists ambient capabilities and no inheritable ones, which makes none of them ambient.
  if ((capabilities?.inheritable ?? []).length === 0) masks.ambient = 0n;
  limit('ambient', masks.permitted & masks.inheritable, 'both permitted and inheritable');
  return masks;
}

function once(names: readonly string[]): string {
  return [...new Set(names)].join(', ');
}

export function capabilityNames(mask: bigint): string[] {
  const names: string[] = [];
  let rest = mask;
  for (let number = 0; rest !== 0n && number < CAPABILITIES.length; number++) {
    const name = CAPABILITIES[number];
    if ((rest & 1n) !== 0n && name !== undefined) names.push(name);
    rest >>= 1n;
  }
  return names;
}
