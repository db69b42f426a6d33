import { describe, expect, it } from 'vitest';
import { gidMapWriter, setupId, uidMapWriter } from '../../../src/namespaces/id-maps.js';
import { namespacePlaces } from '../../../src/namespaces/namespaces.js';
import { timeOffsetLines } from '../../../src/namespaces/time-offsets.js';
import { CLONE_NEWNET } from '../../../src/native/constants.js';

const SELF = [{ containerID: 0, hostID: 1000, size: 1 }];
const RANGE = [{ containerID: 0, hostID: 100000, size: 65536 }];

describe('who writes an id map', () => {
  const user = { uid: 1000, gid: 1000, effective: 0n };

  it('is the caller for its own id', () => {
    expect(uidMapWriter(SELF, user)).toBe('self');
    expect(gidMapWriter(SELF, user)).toBe('self');
  });

  it('is newuidmap for anything else', () => {
    expect(uidMapWriter(RANGE, user)).toBe('helper');
    expect(gidMapWriter([...SELF, ...RANGE], user)).toBe('helper');
    expect(uidMapWriter([{ containerID: 0, hostID: 1001, size: 1 }], user)).toBe('helper');
  });

  it('is the caller with the capability', () => {
    expect(uidMapWriter(RANGE, { ...user, effective: 1n << 7n })).toBe('privileged');
    expect(uidMapWriter(RANGE, { ...user, effective: 1n << 6n })).toBe('helper');
    expect(gidMapWriter(RANGE, { ...user, effective: 1n << 6n })).toBe('privileged');
  });
});

describe('the id that set-up runs as', () => {
  it('is root, or the first one there is', () => {
    expect(setupId([{ containerID: 5, hostID: 1, size: 1 }, ...SELF])).toBe(0);
    expect(setupId([{ containerID: 5, hostID: 1, size: 1 }])).toBe(5);
  });
});

describe('time offsets', () => {
  it('are lines of timens_offsets', () => {
    expect(
      timeOffsetLines({ monotonic: { secs: 172800, nanosecs: 5 }, boottime: { secs: -7n } }),
    ).toBe('monotonic 172800 5\nboottime -7 0\n');
    expect(timeOffsetLines(undefined)).toBe('');
  });
});

describe('places of namespaces', () => {
  it('tells new, joined and own', () => {
    const places = namespacePlaces(
      [
        { type: 'pid' },
        { type: 'ipc', path: '' },
        { type: 'uts', path: '/proc/1/ns/uts' },
        { type: 'network', path: '/proc/1/ns/net' },
      ],
      CLONE_NEWNET,
    );
    expect(places).toMatchObject({
      pid: 'new',
      ipc: 'new',
      uts: 'joined',
      network: 'own',
      user: 'own',
    });
  });
});
