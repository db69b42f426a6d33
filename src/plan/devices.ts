/** linux.devices and the default devices (config-linux.md), and the links beside them. */

import { hostId } from '../namespaces/id-maps.js';
import type { Places } from '../namespaces/namespaces.js';
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../native/constants.js';
import type { LinuxDevice, Mount } from '../spec/types.js';
import { CAP_MKNOD } from './capabilities.js';
import { planHostBind, planTreeBind } from './mounts/mount.js';
import type { Sources } from './mounts/sources.js';
import { clean } from './path.js';
import type { IdMapping, PlanFacts, PlanInput } from './plan.js';
import type { Slots } from './slots.js';
import type { Step } from './steps.js';
import { isPrivileged } from './user-namespace.js';

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

/**
 * /dev of the host is used as it is when it is bound there, and when its file system is mounted
 * anew: of devtmpfs there is only one.
 */
export function ownsDev(mounts: readonly { mount: Mount; bind: boolean }[]): boolean {
  return !mounts.some(
    ({ mount, bind }) => (bind || mount.type === 'devtmpfs') && clean(mount.destination) === '/dev',
  );
}

/** Where devices come from. */
export type DeviceOrigin =
  /** mknod(2) by the helper. */
  | 'made'
  /** The host's nodes of the same paths: no node can be made in a user namespace. */
  | { bound: Sources }
  /** The same of the default devices; others are nodes that the parent makes. */
  | {
      bound: Sources;
      slots: Slots;
      uids: readonly IdMapping[];
      gids: readonly IdMapping[];
      /** linux.mountLabel, empty for none: that of the file system on /dev. */
      label: string;
    };

/** The parent may make devices, and knows whose they are to be. */
export function parentMakes(places: Places, facts: PlanFacts): boolean {
  if (places.user !== 'new' || !facts.initialUserNamespace) return false;
  return isPrivileged(facts) && (facts.effective & CAP_MKNOD) !== 0n;
}

/** @param mounts destinations of the entries of `mounts` */
export function planDevices(
  devices: readonly LinuxDevice[],
  origin: DeviceOrigin,
  mounts: readonly string[],
): readonly Step[] {
  if (origin === 'made' && devices.length === 0) return DEFAULT_STEPS;
  const steps: Step[] = [];
  for (const device of DEFAULT_DEVICES) {
    if (devices.some(({ path }) => clean(path) === device.path)) continue;
    steps.push(
      origin === 'made'
        ? nodeStep(device, device.path, '')
        : planHostBind(device.path, device.path, 0, '', origin.bound),
    );
  }
  devices.forEach((device, index) => {
    steps.push(planDevice(device, `/linux/devices/${index}`, origin, mounts));
  });
  return steps;
}

function planDevice(
  device: LinuxDevice,
  at: string,
  origin: DeviceOrigin,
  mounts: readonly string[],
): Step {
  const target = clean(device.path);
  const crosses = mounts.some((path) => path !== '/dev' && target.startsWith(`${path}/`));
  const node = nodeStep(device, target, at, crosses);
  // Anybody may make a fifo.
  if (origin === 'made' || device.type === 'p') return node;
  if (!('slots' in origin)) return planHostBind(target, target, 0, at, origin.bound);
  const { mode, major, minor } = node;
  // One that is not mapped is the host's, as that of a bound node would be.
  const uid = hostId(origin.uids, node.uid) ?? node.uid;
  const gid = hostId(origin.gids, node.gid) ?? node.gid;
  const input: PlanInput = {
    ...{ kind: 'device', at, path: target, mode, major, minor },
    ...{ uid, gid, label: origin.label },
  };
  return planTreeBind(target, target, at, origin.slots.input(input));
}

function nodeStep(device: LinuxDevice, target: string, at: string, crosses = false): NodeStep {
  return {
    op: 'device',
    at,
    target,
    mode: TYPE_BITS[device.type] | ((device.fileMode ?? 0o666) & 0o7777),
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
    crosses,
  };
}

type NodeStep = Extract<Step, { op: 'device' }>;

/** The steps of nearly all containers, made once. */
const DEFAULT_STEPS: readonly Step[] = DEFAULT_DEVICES.map((device) =>
  nodeStep(device, device.path, ''),
);

export function planDeviceLinks(): readonly Step[] {
  return LINK_STEPS;
}
