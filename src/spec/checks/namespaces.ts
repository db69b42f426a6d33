import type { LinuxIDMapping, Spec } from '../types.js';
import type { Report } from './rule.js';
import { pointerToken, shown } from '../problem.js';
import { isNewNamespace, listedNamespace, utf8Length } from './rule.js';

/** config-linux.md, namespaces: a type that is listed twice is an error. */
export function duplicateNamespaces(spec: Spec, report: Report): void {
  const seen = new Set<string>();
  spec.linux?.namespaces?.forEach(({ type }, index) => {
    if (seen.has(type)) {
      report(`/linux/namespaces/${String(index)}`, `lists the type ${shown(type)} a second time`);
    }
    seen.add(type);
  });
}

/** Without mappings nobody inside of a new user namespace is anybody. */
export function userNamespaceMappings(spec: Spec, report: Report): void {
  if (!isNewNamespace(spec, 'user')) return;
  for (const field of ['uidMappings', 'gidMappings'] as const) {
    if (!spec.linux?.[field]?.length) {
      report(`/linux/${field}`, 'is required for a new user namespace');
    }
  }
}

/** Mappings say nothing when the container is in the runtime's user namespace. */
export function mappingsNamespace(spec: Spec, report: Report): void {
  if (listedNamespace(spec, 'user')) return;
  for (const field of ['uidMappings', 'gidMappings'] as const) {
    if (spec.linux?.[field]?.length) {
      report(`/linux/${field}`, 'needs a user namespace in /linux/namespaces');
    }
  }
}

/** user_namespaces(7): the ranges of a map do not overlap, inside and outside. */
export function idMappingRanges(spec: Spec, report: Report): void {
  for (const field of ['uidMappings', 'gidMappings'] as const) {
    checkIDMappings(spec.linux?.[field], `/linux/${field}`, report);
  }
}

/** user_namespaces(7): as many lines as a map may have. */
const MAX_RANGES = 340;

/** The kernel's rules for one map; `at` is its pointer. */
export function checkIDMappings(
  mappings: readonly LinuxIDMapping[] | undefined,
  at: string,
  report: Report,
): void {
  if (mappings !== undefined && mappings.length > MAX_RANGES) {
    report(at, `must not have more than ${String(MAX_RANGES)} ranges`);
    return;
  }
  mappings?.forEach((mapping, index) => {
    for (const side of ['containerID', 'hostID'] as const) {
      const end = mapping[side] + mapping.size;
      // The last id, 4294967295, stands for "no id".
      if (end > 0xffffffff) {
        report(`${at}/${String(index)}`, `its ${side} range goes beyond 4294967294`);
      }
      const other = mappings.findIndex(
        (earlier, i) =>
          i < index && earlier[side] < end && mapping[side] < earlier[side] + earlier.size,
      );
      if (other !== -1) {
        report(
          `${at}/${String(index)}`,
          `its ${side} range overlaps that of ${at}/${String(other)}`,
        );
      }
    }
  });
}

/** An id that a new user namespace does not map cannot be had inside. */
export function userMapped(spec: Spec, report: Report): void {
  const user = spec.process?.user;
  if (user === undefined || !isNewNamespace(spec, 'user')) return;
  const { uidMappings, gidMappings } = spec.linux ?? {};
  const check = (id: number, mappings: readonly LinuxIDMapping[] | undefined, field: string) => {
    if (!mappings?.length) return;
    const mapped = mappings.some(
      ({ containerID, size }) => containerID <= id && id < containerID + size,
    );
    const [pointer, map] = field.split(' ');
    if (!mapped) {
      report(`/process/user/${String(pointer)}`, `is not mapped by /linux/${String(map)}`);
    }
  };
  check(user.uid, uidMappings, 'uid uidMappings');
  check(user.gid ?? 0, gidMappings, 'gid gidMappings');
  user.additionalGids?.forEach((gid, index) => {
    check(gid, gidMappings, `additionalGids/${String(index)} gidMappings`);
  });
}

/** time_namespaces(7): offsets are set before the first process is in, so only for a new one. */
export function timeOffsetsNamespace(spec: Spec, report: Report): void {
  const offsets = spec.linux?.timeOffsets;
  if (offsets === undefined || Object.keys(offsets).length === 0) return;
  if (!isNewNamespace(spec, 'time')) {
    report('/linux/timeOffsets', 'needs a new time namespace in /linux/namespaces');
  }
}

/** Names are set in the container's uts namespace; the kernel takes 64 bytes. */
export function utsNames(spec: Spec, report: Report): void {
  for (const field of ['hostname', 'domainname'] as const) {
    const name = spec[field];
    if (!name) continue;
    if (!listedNamespace(spec, 'uts')) {
      report(`/${field}`, 'needs a uts namespace in /linux/namespaces');
    }
    if (name.length > 16 && utf8Length(name) > 64)
      report(`/${field}`, 'must not be longer than 64 bytes');
  }
}

/** Without a mount namespace hiding a path would hide it on the host. */
export function hiddenPathsNamespace(spec: Spec, report: Report): void {
  if (listedNamespace(spec, 'mount')) return;
  for (const field of ['maskedPaths', 'readonlyPaths'] as const) {
    if (spec.linux?.[field]?.length) {
      report(`/linux/${field}`, 'needs a mount namespace in /linux/namespaces');
    }
  }
}

/** Devices move into the container's network namespace under names that interfaces can have. */
export function netDevices(spec: Spec, report: Report): void {
  const devices = Object.entries(spec.linux?.netDevices ?? {});
  if (devices.length === 0) return;
  if (!listedNamespace(spec, 'network')) {
    report('/linux/netDevices', 'needs a network namespace in /linux/namespaces');
  }
  const inside = new Set<string>();
  for (const [name, device] of devices) {
    const at = `/linux/netDevices/${pointerToken(name)}`;
    if (!isInterfaceName(name)) report(at, 'is not the name of a network interface');
    const target = device.name || name;
    if (device.name && !isInterfaceName(device.name)) {
      report(`${at}/name`, 'must be the name of a network interface');
    }
    if (inside.has(target)) report(at, `is a second device to be called ${shown(target)}`);
    inside.add(target);
  }
}

/** The kernel's dev_valid_name. */
function isInterfaceName(name: string): boolean {
  return name !== '.' && name !== '..' && utf8Length(name) < 16 && /^[^/:\s\0]+$/.test(name);
}
