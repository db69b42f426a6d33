/** linux.namespaces: which ones are made, which are joined, and under which flag. */

import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from '../native/constants.js';
import type { LinuxNamespace, LinuxNamespaceType } from '../spec/types.js';

/** CLONE_NEW* of each type (namespaces(7)). */
export const NAMESPACE_FLAG: Readonly<Record<LinuxNamespaceType, number>> = {
  pid: CLONE_NEWPID,
  network: CLONE_NEWNET,
  mount: CLONE_NEWNS,
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  user: CLONE_NEWUSER,
  cgroup: CLONE_NEWCGROUP,
  time: CLONE_NEWTIME,
};

/** `own` is the runtime's: not listed, or its path leads there. */
export type Place = 'new' | 'joined' | 'own';
export type Places = Readonly<Record<LinuxNamespaceType, Place>>;

/** @param own CLONE_NEW* of those whose path leads to the runtime's own namespace */
export function namespacePlaces(namespaces: readonly LinuxNamespace[], own: number): Places {
  const places: Record<LinuxNamespaceType, Place> = {
    pid: 'own',
    network: 'own',
    mount: 'own',
    ipc: 'own',
    uts: 'own',
    user: 'own',
    cgroup: 'own',
    time: 'own',
  };
  for (const { type, path } of namespaces) {
    if (path === undefined || path === '') places[type] = 'new';
    else if ((own & NAMESPACE_FLAG[type]) === 0) places[type] = 'joined';
  }
  return places;
}

/** CLONE_NEW* of everything that is not the runtime's own. */
export function foreignNamespaces(places: Places): number {
  let flags = 0;
  for (const type of NAMESPACE_TYPES) if (places[type] !== 'own') flags |= NAMESPACE_FLAG[type];
  return flags;
}

export const NAMESPACE_TYPES: readonly LinuxNamespaceType[] = [
  'network',
  'ipc',
  'uts',
  'cgroup',
  'time',
  'pid',
  'mount',
  'user',
];

/** `network and mount namespaces` for messages. */
export function describeNamespaces(flags: number): string {
  const names = NAMESPACE_TYPES.filter((type) => (flags & NAMESPACE_FLAG[type]) !== 0);
  const last = names[names.length - 1];
  if (last === undefined) return 'no namespace';
  if (names.length === 1) return `${last} namespace`;
  return `${names.slice(0, -1).join(', ')} and ${last} namespaces`;
}
