/**
 * linux.resources.devices: reading the rules and adding the ones that every
 * container gets.
 *
 * Source: runtime-spec config-linux.md, "Allowed Device list" and "Default
 * Devices"; the kernel's Documentation/admin-guide/cgroup-v1/devices.rst for
 * what a rule means.
 */

import { TsrunError } from '../../errors.js';
import type { LinuxDeviceCgroup } from '../../spec/types.js';

/** Bits of a device access, as the kernel's BPF_DEVCG_ACC_* (linux/bpf.h). */
export const ACCESS_MKNOD = 1;
export const ACCESS_READ = 2;
export const ACCESS_WRITE = 4;
export const ACCESS_ALL = 7;

/** Kinds of device, as the kernel's BPF_DEVCG_DEV_* (linux/bpf.h). */
export const DEVICE_BLOCK = 1;
export const DEVICE_CHAR = 2;

/** Stands for every major or minor number. */
export const ANY = -1;

/** Width of the kernel's device numbers (include/linux/kdev_t.h). */
export const MAJOR_MAX = 0xfff;
export const MINOR_MAX = 0xfffff;

/** An entry of linux.resources.devices whose type has not been looked at. */
export type DeviceEntry = Omit<LinuxDeviceCgroup, 'type'> & { type?: string };

export interface DeviceRule {
  allow: boolean;
  /**
   * `all` stands for every device and every access whatever the other fields
   * say: it undoes all rules before it.
   */
  type: 'all' | typeof DEVICE_BLOCK | typeof DEVICE_CHAR;
  major: number;
  minor: number;
  /** ACCESS_* bits, at least one. */
  access: number;
}

/**
 * What a container may use whatever its configuration denies: the default
 * devices of the spec, its pseudoterminals, and making nodes of any device
 * (which gives no right to use them). runc adds the same ones.
 */
export const DEFAULT_RULES: readonly DeviceRule[] = [
  allowed(DEVICE_CHAR, ANY, ANY, ACCESS_MKNOD),
  allowed(DEVICE_BLOCK, ANY, ANY, ACCESS_MKNOD),
  allowed(DEVICE_CHAR, 1, 3, ACCESS_ALL), // null
  allowed(DEVICE_CHAR, 1, 5, ACCESS_ALL), // zero
  allowed(DEVICE_CHAR, 1, 7, ACCESS_ALL), // full
  allowed(DEVICE_CHAR, 1, 8, ACCESS_ALL), // random
  allowed(DEVICE_CHAR, 1, 9, ACCESS_ALL), // urandom
  allowed(DEVICE_CHAR, 5, 0, ACCESS_ALL), // tty
  allowed(DEVICE_CHAR, 5, 2, ACCESS_ALL), // ptmx
  allowed(DEVICE_CHAR, 136, ANY, ACCESS_ALL), // pts/*, and console, which is one of them
];

function allowed(
  type: DeviceRule['type'],
  major: number,
  minor: number,
  access: number,
): DeviceRule {
  return { allow: true, type, major, minor, access };
}

/**
 * The rules in the order in which they apply: those of the configuration, then
 * the default ones, so that denying everything first still leaves a container
 * its default devices. linux.devices adds none: making a node available and
 * allowing its use are two fields of the spec.
 *
 * @param at JSON pointer of the rules
 * @throws TsrunError ERR_CONFIG_INVALID with the pointer of a bad rule
 */
export function deviceRules(
  devices: readonly DeviceEntry[],
  at = '/linux/resources/devices',
): DeviceRule[] {
  const rules: DeviceRule[] = [];
  for (let i = 0; i < devices.length; i++) {
    const entry = devices[i];
    if (entry !== undefined) rules.push(readRule(entry, `${at}/${i}`));
  }
  rules.push(...DEFAULT_RULES);
  return rules;
}

/** What the rules, in order, say about all of the accesses to one device. */
export function accessAllowed(
  rules: readonly DeviceRule[],
  type: Exclude<DeviceRule['type'], 'all'>,
  major: number,
  minor: number,
  access: number,
): boolean {
  let undecided = access;
  for (let i = rules.length - 1; i >= 0 && undecided !== 0; i--) {
    const rule = rules[i];
    if (rule === undefined) continue;
    if (rule.type === 'all') return rule.allow;
    if (rule.type !== type || !matches(rule.major, major) || !matches(rule.minor, minor)) continue;
    if (!rule.allow && (rule.access & undecided) !== 0) return false;
    undecided &= ~rule.access;
  }
  return undecided === 0;
}

function matches(wanted: number, number: number): boolean {
  return wanted === ANY || wanted === number;
}

/**
 * What the log should say about rules that mean more than they seem to: a rule
 * for all types covers every device, even where it names numbers or an access.
 */
export function deviceRuleWarnings(
  devices: readonly DeviceEntry[],
  at = '/linux/resources/devices',
): string[] {
  const warnings: string[] = [];
  for (let i = 0; i < devices.length; i++) {
    const entry = devices[i];
    if (entry === undefined || readType(entry.type) !== 'all') continue;
    const ignored: string[] = [];
    if (isNarrow(entry.major)) ignored.push('major');
    if (isNarrow(entry.minor)) ignored.push('minor');
    if (entry.access !== undefined && readAccess(entry.access) !== ACCESS_ALL) {
      ignored.push('access');
    }
    if (ignored.length === 0) continue;
    warnings.push(
      `${at}/${i}: a rule of type "a" ${entry.allow ? 'allows' : 'denies'} ` +
        `every device and access; its ${ignored.join(', ')} ${ignored.length > 1 ? 'are' : 'is'} ignored`,
    );
  }
  return warnings;
}

function isNarrow(number: number | undefined): boolean {
  return number !== undefined && number !== ANY;
}

function readRule(entry: DeviceEntry, pointer: string): DeviceRule {
  const type = readType(entry.type);
  if (type === undefined) {
    throw invalid(`${pointer}/type`, `unknown device type "${entry.type ?? ''}", want a, b or c`);
  }
  const access = readAccess(entry.access);
  if (access === 0) {
    throw invalid(
      `${pointer}/access`,
      `device access "${entry.access ?? ''}" is not made of the letters r, w and m`,
    );
  }
  return {
    allow: entry.allow,
    type,
    major: readNumber(entry.major, MAJOR_MAX, `${pointer}/major`),
    minor: readNumber(entry.minor, MINOR_MAX, `${pointer}/minor`),
    access,
  };
}

function readType(type: string | undefined): DeviceRule['type'] | undefined {
  switch (type) {
    case undefined:
    case '': // what a caller in Go writes for an unset value
    case 'a':
      return 'all';
    case 'b':
      return DEVICE_BLOCK;
    case 'c':
      return DEVICE_CHAR;
    default:
      return undefined;
  }
}

/** ACCESS_* bits; 0 when the text is absent, empty or has another letter. */
function readAccess(text: string | undefined): number {
  let access = 0;
  for (const letter of text ?? '') {
    if (letter === 'r') access |= ACCESS_READ;
    else if (letter === 'w') access |= ACCESS_WRITE;
    else if (letter === 'm') access |= ACCESS_MKNOD;
    else return 0;
  }
  return access;
}

function readNumber(number: number | undefined, max: number, pointer: string): number {
  if (number === undefined) return ANY;
  // An allow rule that can match nothing is a mistake its author wants to hear about.
  if (number < ANY || number > max || number % 1 !== 0) {
    throw invalid(pointer, `device number ${number} is not between 0 and ${max}, or -1 for all`);
  }
  return number;
}

function invalid(pointer: string, message: string): TsrunError {
  return new TsrunError('ERR_CONFIG_INVALID', `${pointer}: ${message}`, { pointer });
}
