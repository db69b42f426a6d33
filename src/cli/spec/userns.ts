/** `spec --userns`: which ids of the host the container's ids are. */

import { TsrunError } from '../../errors.js';
import type { Native } from '../../native/types.js';
import type { LinuxIDMapping } from '../../spec/types.js';
import { invalidValue } from './invalid.js';

export interface IdMappings {
  uidMappings: LinuxIDMapping[];
  gidMappings: LinuxIDMapping[];
}

/** What root gives a container where nothing else is asked for: ids that no user of the host has. */
const OF_ROOT: LinuxIDMapping = { containerID: 0, hostID: 100_000, size: 65_536 };

const FILE_MAX = 1024 * 1024;

/** Ids are 32 bits wide, and the last one means none (user_namespaces(7)). */
const LAST_ID = 0xffff_fffe;

/**
 * @param texts `auto`, or ranges CONTAINERID:HOSTID:SIZE that hold for users and groups
 * @param unprivileged whether the caller is not root: `auto` is then the caller
 * as root, and behind it what /etc/subuid and /etc/subgid give it
 */
export function idMappings(
  native: Native,
  texts: readonly string[],
  unprivileged: boolean,
): IdMappings {
  if (!texts.includes('auto')) {
    const ranges = texts.map(range);
    return { uidMappings: ranges, gidMappings: ranges };
  }
  if (texts.length > 1) throw invalidValue('userns', 'auto', 'alone, or ranges');
  if (!unprivileged) return { uidMappings: [OF_ROOT], gidMappings: [OF_ROOT] };
  const uid = native.getuid()[1];
  const owners = [String(uid), ...userName(native, uid)];
  return {
    uidMappings: subordinate(native, '/etc/subuid', owners, uid),
    gidMappings: subordinate(native, '/etc/subgid', owners, native.getgid()[1]),
  };
}

function range(text: string): LinuxIDMapping {
  const [containerID = -1, hostID = -1, size = 0, ...rest] = text
    .split(':')
    .map((part) => (/^\d{1,10}$/.test(part) ? Number(part) : -1));
  const last = Math.max(containerID, hostID) + size - 1;
  if (containerID < 0 || hostID < 0 || size < 1 || last > LAST_ID || rest.length > 0) {
    throw invalidValue('userns', text, 'auto or CONTAINERID:HOSTID:SIZE');
  }
  return { containerID, hostID, size };
}

/** The caller's own id, and the ranges of a file as subuid(5) describes it. */
function subordinate(
  native: Native,
  path: string,
  owners: readonly string[],
  own: number,
): LinuxIDMapping[] {
  const text = native.readText(path, FILE_MAX);
  const mappings: LinuxIDMapping[] = [{ containerID: 0, hostID: own, size: 1 }];
  let next = 1;
  for (const line of typeof text === 'number' ? [] : text.split('\n')) {
    const [owner = '', start = '', count = ''] = line.split(':');
    if (!owners.includes(owner) || !/^\d{1,10}$/.test(start) || !/^\d{1,10}$/.test(count)) continue;
    mappings.push({ containerID: next, hostID: Number(start), size: Number(count) });
    next += Number(count);
  }
  if (next > 1) return mappings;
  const reason =
    typeof text === 'number' ? native.strerror(-text) : 'it has no range for the caller';
  throw new TsrunError(
    'ERR_PERMISSION',
    `spec: cannot find ids for --userns auto in ${path}: ${reason}`,
  );
}

/** As /etc/passwd has it, which is where newuidmap(1) looks names up on most hosts. */
function userName(native: Native, uid: number): string[] {
  const text = native.readText('/etc/passwd', FILE_MAX);
  const line =
    typeof text === 'number' ? undefined : new RegExp(`^([^:\n]+):[^:\n]*:${uid}:`, 'm').exec(text);
  return line?.[1] === undefined ? [] : [line[1]];
}
