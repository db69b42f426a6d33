/**
 * linux.cgroupsPath for the systemd manager: `slice:prefix:name`, as runc
 * defined it and kubelet, containerd, CRI-O and podman write it.
 *
 * Source: systemd.unit(5) and systemd.slice(5) for what a name may be, and how
 * the dashes in the name of a slice nest it.
 */

import { TsrunError } from '../../errors.js';

/** Of a unit's name, in bytes (UNIT_NAME_MAX in systemd's unit-name.h), its end included. */
const NAME_MAX = 255;
const POINTER = '/linux/cgroupsPath';

/** The slice of a container that asks for none: under the system manager, and under a user's. */
const SYSTEM_SLICE = 'system.slice';
const USER_SLICE = 'user.slice';
const PREFIX = 'tsrun';

export interface ScopeNameRequest {
  /** linux.cgroupsPath; absent and empty both mean the defaults. */
  cgroupsPath?: string | undefined;
  id: string;
  /** Under the manager of a user. */
  user: boolean;
}

export interface ScopeName {
  /** The unit's name, with `.scope`. */
  unit: string;
  /** The slice that it goes into, with `.slice`. */
  slice: string;
  /** Where the manager puts it, below the manager's own cgroup, with a leading slash. */
  path: string;
}

/** @throws TsrunError ERR_CONFIG_INVALID with the pointer of the field */
export function scopeName({ cgroupsPath, id, user }: ScopeNameRequest): ScopeName {
  const given = cgroupsPath === undefined || cgroupsPath === '' ? `:${PREFIX}:${id}` : cgroupsPath;
  const parts = given.split(':');
  const [slicePart = '', prefix = '', name = ''] = parts;
  if (parts.length !== 3) {
    throw invalid(given, 'with the systemd manager it must have the form slice:prefix:name');
  }
  if (name === '') throw invalid(given, 'its last part, the name, is empty');
  if (name.endsWith('.slice')) throw invalid(given, 'a container cannot be a slice of its own');
  const slice = slicePart === '' ? (user ? USER_SLICE : SYSTEM_SLICE) : slicePart;
  const fault = sliceFault(slice);
  if (fault !== undefined) throw invalid(given, fault);
  const unit = `${escape(prefix === '' ? name : `${prefix}-${name}`)}.scope`;
  if (unit.length > NAME_MAX) throw invalid(given, `the name of its unit is too long`);
  return { unit, slice, path: `${slicePath(slice)}/${unit}` };
}

/**
 * Where the cgroup of a slice is: `a-b.slice` lies in `a.slice`, and `-.slice`
 * is the root.
 *
 * @returns the path without a trailing slash
 */
export function slicePath(slice: string): string {
  if (slice === '-.slice') return '';
  const names = slice.slice(0, -'.slice'.length).split('-');
  let path = '';
  for (let i = 1; i <= names.length; i++) path += `/${names.slice(0, i).join('-')}.slice`;
  return path;
}

function sliceFault(slice: string): string | undefined {
  if (!slice.endsWith('.slice')) return 'its first part is no slice: it does not end in ".slice"';
  if (slice === '-.slice') return undefined;
  if (slice.length > NAME_MAX) return 'the name of its slice is too long';
  const names = slice.slice(0, -'.slice'.length).split('-');
  if (names.some((name) => !/^[A-Za-z0-9:_.\\]+$/.test(name))) {
    return `"${slice}" is not a valid name of a slice`;
  }
  return undefined;
}

/** What a unit's name may not hold is written as systemd-escape(1) does. */
function escape(name: string): string {
  return name.replace(/[^A-Za-z0-9:_.\\-]/g, (letter) => {
    const code = letter.charCodeAt(0);
    if (code > 0x7f) throw invalid(name, 'the name of a unit is made of ASCII characters');
    return `\\x${code < 16 ? '0' : ''}${code.toString(16)}`;
  });
}

function invalid(path: string, fault: string): TsrunError {
  const shown = path.slice(0, 128).replace(/[\0-\x1f\x7f]/g, '?');
  return new TsrunError(
    'ERR_CONFIG_INVALID',
    `${POINTER}: cannot use "${shown}" as the path of a cgroup: ${fault}`,
    { pointer: POINTER },
  );
}
