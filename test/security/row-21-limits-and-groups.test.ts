/** Row 21: limits that are not in force, and groups that a user can give up. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import { NR, useCalls } from '../support/calls.js';
import { linuxOf, processOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';
import type { Spec } from '../../src/spec/types.js';

const scene = useScene();
const calls = useCalls();

let user: User;

beforeAll(() => {
  user = makeUser();
});

afterAll(() => {
  user.remove();
});

function limited(spec: Spec): void {
  processOf(spec).rlimits = [
    { type: 'RLIMIT_NOFILE', soft: 700, hard: 900 },
    { type: 'RLIMIT_NPROC', soft: 300, hard: 400 },
  ];
}

const LIMITS = /^Max processes +300 +400 [^]*^Max open files +700 +900 /m;

/** The caller is root inside, and nobody else is there. */
function mapped(spec: Spec): void {
  const map = [{ containerID: 0, hostID: UID, size: 1 }];
  Object.assign(linuxOf(spec), { uidMappings: map, gidMappings: map });
  linuxOf(spec).namespaces?.push({ type: 'user' });
  const pts = spec.mounts?.find(({ type }) => type === 'devpts');
  if (pts?.options !== undefined) pts.options = pts.options.filter((o) => !o.startsWith('gid='));
}

test('without privileges setgroups is denied, and limits are in force', async () => {
  const script = `cat /proc/self/setgroups; /bin/call ${NR.setgroups} 0 0; cat /proc/self/limits`;
  const bundle = scene.bundle(script, (spec) => {
    limited(spec);
    mapped(spec);
  });
  calls.into(bundle);
  user.give(bundle.path);
  const result = await user.tsrun(['run', '--bundle', bundle.path, newId()]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  // EPERM: even for root in there.
  expect(result.stdout).toMatch(/^deny\n-1\n/);
  expect(result.stdout).toMatch(LIMITS);
});

test('an empty list of groups is the list: those of the caller go', async () => {
  const prefix = ['setpriv', '--groups', '0,42'];
  const script = 'grep ^Groups: /proc/self/status';
  for (const additionalGids of [undefined, []]) {
    const bundle = scene.bundle(script, (spec) => {
      processOf(spec).user = { uid: 0, gid: 0, ...(additionalGids && { additionalGids }) };
    });
    const result = await scene.run(bundle, [], { prefix });
    expect(result).toMatchObject({ status: 0, stdout: 'Groups:\t \n', stderr: '' });
  }
});
