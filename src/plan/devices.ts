/** linux.devices and the default devices (config-linux.md), and the links beside them. */

import { S_IFBLK, S_IFCHR, S_IFIFO } from '../native/constants.js';
import type { LinuxDevice, Mount } from '../spec/types.js';
import { planHostBind } from './mounts/mount.js';
import type { Sources } from './mounts/sources.js';
import { clean } from './path.js';
import type { Step } from './steps.js';

const DEFAULT_DEVICES: readonly LinuxDevice[] = [
  { type: 'c', path: '/dev/null', major: 1, minor: 3 },
  { type: 'c', path: '/dev/zero', major: 1, minor: 5 },
  { type: 'c', path: '/dev/full', major: 1, minor: 7 },
  { type: 'c', path: '/dev/random', major: 1, minor: 8 },
  { type: 'c', path: '/dev/urandom', major: 1, minor: 9 },
  { type: 'c', path: '/dev/tty', major: 5, minor: 0 },
];

const LINKS: readonly (readonly [string, string])[] = [
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', '/proc/kcore'],
  // Of the container's own devpts, whatever the image has there.
  ['/dev/ptmx', 'pts/ptmx'],
];

const LINK_STEPS: readonly Step[] = LINKS.map(([target, contents]) => ({
  op: 'symlink',
  at: '',
  target,
  contents,
  replace: target === '/dev/ptmx',
}));

const TYPE_BITS: Readonly<Record<LinuxDevice['type'], number>> = {
  c: S_IFCHR,
  u: S_IFCHR,
  b: S_IFBLK,
  p: S_IFIFO,
};

/** /dev of the host is used as it is when it is bound there. */
export function ownsDev(mounts: readonly { mount: Mount; bind: boolean }[]): boolean {
  return !mounts.some(({ mount, bind }) => bind && clean(mount.destination) === '/dev');
}

/** @param nodes whether mknod(2) is allowed: not in a user namespace, where the host's node is bound */
export function planDevices(
  devices: readonly LinuxDevice[],
  nodes: boolean,
  sources: Sources,
): readonly Step[] {
  if (nodes && devices.length === 0) return DEFAULT_STEPS;
  const steps: Step[] = [];
  for (const device of DEFAULT_DEVICES) {
    if (devices.some(({ path }) => clean(path) === device.path)) continue;
    steps.push(planDevice(device, '', nodes, sources));
  }
  devices.forEach((device, index) => {
    steps.push(planDevice(device, `/linux/devices/${index}`, nodes, sources));
  });
  return steps;
}

function planDevice(device: LinuxDevice, at: string, nodes: boolean, sources: Sources): Step {
  const target = clean(device.path);
  // Anybody may make a fifo.
  if (!nodes && device.type !== 'p') return planHostBind(target, target, 0, at, sources);
  return nodeStep(device, target, at);
}

function nodeStep(device: LinuxDevice, target: string, at: string): Step {
  return {
    op: 'device',
    at,
    target,
    mode: TYPE_BITS[device.type] | ((device.fileMode ?? 0o666) & 0o7777),
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
  };
}

/** The steps of nearly all containers, made once. */
const DEFAULT_STEPS: readonly Step[] = DEFAULT_DEVICES.map((device) =>
  nodeStep(device, device.path, ''),
);

export function planDeviceLinks(): readonly Step[] {
  return LINK_STEPS;
}
