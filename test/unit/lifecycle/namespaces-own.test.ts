import { expect, test } from 'vitest';

import {
  checkSysctls,
  openNamespaceFiles,
  ownNamespaces,
} from '../../../src/lifecycle/namespaces-own.js';
import { OpenFds } from '../../../src/lifecycle/undo.js';
import { CLONE_NEWIPC, CLONE_NEWNET, ENOENT } from '../../../src/native/constants.js';
import { FakeSystem } from '../../fakes/system.js';
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
  const fds = new OpenFds(fake.native.close);
  const files = openNamespaceFiles(fake.native, spec, fds);
  expect(files.get('/netns/missing')).toBe(-ENOENT);
  // What the path names from now on is not looked at.
  fake.files.remove('/netns/host');
  fake.files.put('/netns/host');
  expect(ownNamespaces(fake.native, spec, files)).toBe(CLONE_NEWNET);
  fds.closeAll();
  expect(fake.fds.size).toBe(0);
  expect(() => {
    checkSysctls(spec, CLONE_NEWNET);
  }).toThrow("the container's network namespace is the runtime's own");
  expect(() => {
    checkSysctls(spec, CLONE_NEWIPC);
  }).not.toThrow();
});
