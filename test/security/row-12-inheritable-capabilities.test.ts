/** Row 12 (CVE-2022-29162): inheritable capabilities, which a program with capabilities of its file would gain. */

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import type { Bundle } from '../support/bundle.js';
import { inUserNamespace, linuxOf, processOf } from '../support/inside.js';
import { execOutput, fieldsOf, useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';

const scene = useScene();
const STATUS = 'cat /proc/self/status';

test('capabilities, no_new_privs and limits are those of the container, and options add to them', async () => {
  const container = await scene.started('exec sleep 1000', (spec) => {
    if (spec.process === undefined) return;
    spec.process.noNewPrivileges = false;
    spec.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 300, hard: 400 }];
    spec.process.oomScoreAdj = 321;
  });
  const own = fieldsOf(await execOutput(scene.runtime, container.id, [], STATUS));
  const KILL_BIND_AUDIT = '0000000020000420';
  expect(own).toMatchObject({
    CapInh: '0000000000000000',
    CapPrm: KILL_BIND_AUDIT,
    CapEff: KILL_BIND_AUDIT,
    CapBnd: KILL_BIND_AUDIT,
    CapAmb: '0000000000000000',
    NoNewPrivs: '0',
  });
  const more = fieldsOf(
    await execOutput(
      scene.runtime,
      container.id,
      ['--cap', 'CAP_NET_RAW', '-c', 'chown', '--no-new-privs'],
      STATUS,
    ),
  );
  expect(more).toMatchObject({
    // CVE-2022-29162: nothing that a program of the container would keep.
    CapInh: '0000000000000000',
    CapAmb: '0000000000000000',
    CapEff: '0000000020002421',
    CapBnd: '0000000020002421',
    NoNewPrivs: '1',
  });
  const user = fieldsOf(
    await execOutput(scene.runtime, container.id, ['-u', '1000:1000', '--cap', 'chown'], STATUS),
  );
  expect(user).toMatchObject({ CapInh: '0000000000000000', CapEff: '0000000000000000' });
  const limits = await execOutput(
    scene.runtime,
    container.id,
    [],
    'cat /proc/self/limits /proc/self/oom_score_adj',
  );
  expect(limits).toMatch(/^Max open files +300 +400 /m);
  expect(limits).toMatch(/^321$/m);
  await container.remove();
});

/** In a user namespace of the user's, who is root in there. */
function inNamespaceOf(user: User, spec: Spec, bundle: Bundle): void {
  const linux = linuxOf(spec);
  const mappings = [{ containerID: 0, hostID: UID, size: 1 }];
  linux.namespaces = [...(linux.namespaces ?? []), { type: 'user' }];
  linux.uidMappings = mappings;
  linux.gidMappings = mappings;
  delete processOf(spec).capabilities?.ambient;
  const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
  if (pts?.options !== undefined) pts.options = pts.options.filter((o) => !o.startsWith('gid='));
  user.give(bundle.path);
}

// Root's helper is executed outside of the user namespace, and carries nothing over.
test.each(['root', 'a user'])(
  'hooks of %s get no capabilities that the helper carried over',
  async (caller) => {
    const bundle = scene.bundle('grep -E "Cap(Inh|Amb)" /proc/self/status /mnt/hook');
    const { spec, rootfs } = bundle;
    const user = makeUser();
    onTestFinished(() => {
      user.remove();
    });
    const isRoot = caller === 'root';
    if (isRoot) inUserNamespace(spec, bundle);
    else inNamespaceOf(user, spec, bundle);
    const out = join(rootfs, 'tmp/hook');
    writeFileSync(out, '');
    // The hook is run as the container's root, another user outside.
    chmodSync(out, 0o666);
    const args = ['sh', '-c', `exec cat /proc/self/status > ${out}`];
    spec.hooks = { createContainer: [{ path: '/bin/sh', args }] };
    spec.mounts?.push({ destination: '/mnt', source: join(rootfs, 'tmp'), options: ['bind'] });
    bundle.write();
    const result = isRoot
      ? await scene.run(bundle)
      : await user.tsrun(['run', '--bundle', bundle.path, newId()]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout.match(/Cap(Inh|Amb):\t0{16}$/gm)).toHaveLength(4);
  },
);
