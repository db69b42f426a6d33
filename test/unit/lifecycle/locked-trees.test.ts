import { expect, test } from 'vitest';

import { openLocked } from '../../../src/lifecycle/locked-trees.js';
import { EAGAIN, EINVAL, ENOMEM } from '../../../src/native/constants.js';
import { FakeSystem } from '../../../src/native/fake.js';
import { planContainer } from '../../../src/plan/container.js';
import { facts, spec } from '../plan/support.js';

const MAP = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** The call fails when the source of a bind mount is opened in the mount namespace. */
function open(errno: number): number {
  const plan = planContainer(
    spec({
      mounts: [{ destination: '/b', source: '/s', options: ['rbind'] }],
      linux: {
        namespaces: [{ type: 'user' }, { type: 'mount' }, { type: 'uts' }, { type: 'network' }],
        uidMappings: MAP,
        gidMappings: MAP,
      },
    }),
    facts(),
  );
  const fake = new FakeSystem();
  fake.failNth(1, errno);
  const slot = plan.inputs.findIndex((input) => input.kind === 'tree' && input.path === '/s');
  return openLocked(fake.native, plan, [], slot, 9);
}

test('a tree that the kernel does not give there is used as it was opened outside', () => {
  expect(open(EINVAL)).toBe(-1);
});

test.each([EAGAIN, ENOMEM])(
  'a lack of something (%i) is no reason for one without locks',
  (errno) => {
    expect(() => open(errno)).toThrow(
      /^\/mounts\/0: cannot open mount source \/s in the container's mount namespace: /,
    );
  },
);
