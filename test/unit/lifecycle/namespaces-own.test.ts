import { expect, test } from 'vitest';

import { checkSysctls, ownNamespaces } from '../../../src/lifecycle/namespaces-own.js';
import { CLONE_NEWIPC, CLONE_NEWNET } from '../../../src/native/constants.js';
import { FakeSystem } from '../../../src/native/fake.js';
import type { Spec } from '../../../src/spec/types.js';

test('a path to the own namespace is found out, however it is written', () => {
  const fake = new FakeSystem();
  fake.files.put('/netns/host', 'link', '/proc/self/ns/net');
  fake.files.put('/netns/other');
  const spec: Spec = {
    ociVersion: '1.3.0',
    linux: {
      namespaces: [
        { type: 'network', path: '/netns/host' },
        { type: 'ipc', path: '/netns/other' },
        { type: 'uts', path: '/netns/missing' },
        { type: 'pid' },
      ],
      sysctl: { 'net.ipv4.ip_forward': '1' },
    },
  };
  expect(ownNamespaces(fake.native, spec)).toBe(CLONE_NEWNET);
  expect(() => {
    checkSysctls(spec, CLONE_NEWNET);
  }).toThrow("the container's network namespace is the runtime's own");
  expect(() => {
    checkSysctls(spec, CLONE_NEWIPC);
  }).not.toThrow();
});
