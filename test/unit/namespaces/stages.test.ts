import { describe, expect, it } from 'vitest';
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
} from '../../../src/native/constants.js';
import { NAMESPACE_TYPES, describeNamespaces } from '../../../src/namespaces/namespaces.js';
import type { Place, Places } from '../../../src/namespaces/namespaces.js';
import { planStages } from '../../../src/namespaces/stages.js';
import type { Stage } from '../../../src/namespaces/stages.js';

const OWN: Places = {
  pid: 'own',
  network: 'own',
  mount: 'own',
  ipc: 'own',
  uts: 'own',
  user: 'own',
  cgroup: 'own',
  time: 'own',
};

function flagNames(flags: number): string {
  const names = [];
  if ((flags & CLONE_NEWUSER) !== 0) names.push('user');
  if ((flags & CLONE_NEWPID) !== 0) names.push('pid');
  return names.join('+');
}

function text({ cloneFlags, enter }: { cloneFlags: number; enter: Stage[] }): string {
  const stages = enter.map((stage) => {
    if (stage.op === 'join') return stage.type;
    return stage.op === 'fork' ? `fork(${flagNames(stage.flags)})` : stage.op;
  });
  return `clone(${flagNames(cloneFlags)}) ${stages.join(' ')}`;
}

/** user, pid, network: what happens for a privileged caller that is root, and for one without privileges. */
const TABLE: [Place, Place, Place, string, string?][] = [
  ['own', 'own', 'own', 'clone() undumpable'],
  ['own', 'own', 'new', 'clone() undumpable'],
  ['own', 'own', 'joined', 'clone() undumpable network'],
  ['own', 'new', 'own', 'clone(pid) undumpable'],
  ['own', 'new', 'new', 'clone(pid) undumpable'],
  ['own', 'new', 'joined', 'clone(pid) undumpable network'],
  ['own', 'joined', 'own', 'clone() undumpable pid fork()'],
  ['own', 'joined', 'new', 'clone() undumpable pid fork()'],
  ['own', 'joined', 'joined', 'clone() undumpable network pid fork()'],

  ['new', 'own', 'own', 'clone() undumpable fork(user) id-map', 'clone(user) id-map undumpable'],
  ['new', 'own', 'new', 'clone() undumpable fork(user) id-map', 'clone(user) id-map undumpable'],
  ['new', 'own', 'joined', 'clone() undumpable network fork(user) id-map'],
  [
    'new',
    'new',
    'own',
    'clone() undumpable fork(user+pid) id-map',
    'clone(user+pid) id-map undumpable',
  ],
  [
    'new',
    'new',
    'new',
    'clone() undumpable fork(user+pid) id-map',
    'clone(user+pid) id-map undumpable',
  ],
  ['new', 'new', 'joined', 'clone() undumpable network fork(user+pid) id-map'],
  ['new', 'joined', 'own', 'clone() undumpable pid fork(user) id-map'],
  ['new', 'joined', 'new', 'clone() undumpable pid fork(user) id-map'],
  ['new', 'joined', 'joined', 'clone() undumpable network pid fork(user) id-map'],

  ['joined', 'own', 'own', 'clone() undumpable user'],
  ['joined', 'own', 'new', 'clone() undumpable user'],
  ['joined', 'own', 'joined', 'clone() undumpable network user', 'clone() undumpable user network'],
  ['joined', 'new', 'own', 'clone() undumpable user fork(pid)'],
  ['joined', 'new', 'new', 'clone() undumpable user fork(pid)'],
  [
    'joined',
    'new',
    'joined',
    'clone() undumpable network user fork(pid)',
    'clone() undumpable user network fork(pid)',
  ],
  [
    'joined',
    'joined',
    'own',
    'clone() undumpable pid user fork()',
    'clone() undumpable user pid fork()',
  ],
  [
    'joined',
    'joined',
    'new',
    'clone() undumpable pid user fork()',
    'clone() undumpable user pid fork()',
  ],
  [
    'joined',
    'joined',
    'joined',
    'clone() undumpable network pid user fork()',
    'clone() undumpable user network pid fork()',
  ],
];

describe('stages of the namespaces', () => {
  it('has a row for every combination', () => {
    expect(new Set(TABLE.map(([user, pid, network]) => `${user} ${pid} ${network}`)).size).toBe(27);
  });

  for (const [user, pid, network, privileged, unprivileged = privileged] of TABLE) {
    it(`user ${user}, pid ${pid}, network ${network}`, () => {
      const places = { ...OWN, user, pid, network };
      expect(text(planStages(places, true, true))).toBe(privileged);
      expect(text(planStages(places, false, false))).toBe(unprivileged);
      expect(planStages(places, true, true).unshare).toBe(network === 'new' ? CLONE_NEWNET : 0);
    });
  }

  it('unshares everything that is new and not made by a clone', () => {
    const places: Places = {
      ...OWN,
      user: 'new',
      mount: 'new',
      ipc: 'new',
      pid: 'new',
      uts: 'joined',
    };
    expect(planStages(places, true, true).unshare).toBe(CLONE_NEWNS | CLONE_NEWIPC);
  });

  it('moves clocks while the process may still write its own files', () => {
    expect(text(planStages({ ...OWN, time: 'new' }, true, true))).toBe('clone() time undumpable');
    expect(text(planStages({ ...OWN, time: 'new', user: 'new' }, false, false))).toBe(
      'clone(user) id-map time undumpable',
    );
  });

  it('makes no user namespace of root’s before the process is protected in that of its caller', () => {
    const places: Places = { ...OWN, time: 'new', user: 'new', pid: 'new' };
    for (const privileged of [true, false]) {
      expect(text(planStages(places, privileged, true))).toBe(
        'clone() undumpable fork(user+pid) id-map time',
      );
    }
  });

  it('joins nothing before the process is protected', () => {
    const places: Places = { ...OWN, time: 'new', network: 'joined' };
    expect(text(planStages(places, true, true))).toBe('clone() undumpable network time');
  });

  it('opens the offsets before, for a user namespace that is joined', () => {
    const places: Places = { ...OWN, time: 'new', user: 'joined', pid: 'joined' };
    expect(text(planStages(places, false, false))).toBe(
      'clone() open-offsets undumpable user pid time fork()',
    );
  });

  it('joins every type', () => {
    for (const type of NAMESPACE_TYPES) {
      expect(text(planStages({ ...OWN, [type]: 'joined' }, true, true))).toContain(` ${type}`);
    }
  });
});

describe('names of namespaces', () => {
  it('reads as text', () => {
    expect(describeNamespaces(CLONE_NEWNET)).toBe('network namespace');
    expect(describeNamespaces(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS)).toBe(
      'network, ipc and mount namespaces',
    );
  });
});
