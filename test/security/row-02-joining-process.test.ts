/** Row 2 (CVE-2016-9962): a process of the container looks into one that is joining it, or waits to be started. */

import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { inMountNamespace, linuxOf, processOf } from '../support/inside.js';
import { execOutput, stateOf, useScene } from '../support/scene.js';
import { COMMAND, newId } from '../support/tsrun.js';
import type { Spec } from '../../src/spec/types.js';
import { attackDuring, joining } from './attackers/run.js';

const scene = useScene();
const TIMES = COMMAND[0] === process.execPath ? 8 : 40;

test('nothing of a process that joins can be seen, though it has the same user and no more rights', async () => {
  const output = await attackDuring(scene, 'looker', () => undefined, joining(scene, TIMES));
  expect(output).toMatch(/^on\nrefused \d+\n$/);
  // The attack met what it was after.
  expect(Number(/refused (\d+)/.exec(output)?.[1])).toBeGreaterThan(0);
});

const MAPPINGS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPS = { uidMappings: MAPPINGS, gidMappings: MAPPINGS };

test.each([
  {
    what: 'a first process',
    change: (spec: Spec) => {
      linuxOf(spec).namespaces?.push({ type: 'user' });
      Object.assign(linuxOf(spec), MAPS);
    },
  },
  {
    what: 'a mapping of ids',
    change: (spec: Spec, source: string) => {
      spec.mounts?.push({
        ...{ destination: '/mapped', type: 'bind', options: ['bind'] },
        ...{ source, ...MAPS },
      });
    },
  },
])(
  'root without capabilities, in the pid namespace of the machine, reaches no file through $what',
  async ({ change }) => {
    // A file of the machine that is the runtime's alone: other processes of the machine do not count.
    const place = mkdtempSync(join(tmpdir(), 'tsrun-test-'));
    const victim = scene.bundle('true', (spec) => {
      change(spec, place);
    });
    const prefix = inMountNamespace(
      `mount --make-rprivate / && mount -t tmpfs -o mode=700 none ${place} && ` +
        `printf 'of the host' > ${place}/file && exec "$@"`,
    );
    try {
      const output = await attackDuring(
        scene,
        'reacher',
        (spec) => {
          const linux = linuxOf(spec);
          linux.namespaces = (linux.namespaces ?? []).filter(({ type }) => type !== 'pid');
          processOf(spec).capabilities = {};
          processOf(spec).args = ['/reacher', `${place}/file`];
        },
        async () => {
          for (let i = 0; i < TIMES; i++) {
            const command = ['run', '--bundle', victim.path, newId()];
            const result = await scene.runtime(command, {
              prefix,
              stdio: ['ignore', 'pipe', 'pipe'],
            });
            expect(result).toMatchObject({ status: 0, stdout: '', stderr: '' });
          }
        },
      );
      expect(output).toMatch(/^on\nrefused \d+\n$/);
      expect(Number(/refused (\d+)/.exec(output)?.[1])).toBeGreaterThan(0);
    } finally {
      rmdirSync(place);
    }
  },
);

test('at the gate, process 1 has nothing of the set-up open', async () => {
  const { path } = scene.bundle('true', (spec) => {
    // All that it takes to look into any process of the container's.
    const all = ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH'];
    processOf(spec).capabilities = { bounding: all, effective: all, permitted: all };
  });
  const id = newId();
  const create = ['create', '--bundle', path, id];
  const made = await scene.runtime(create, { stdio: ['ignore', 'ignore', 'ignore'] });
  expect(made.status).toBe(0);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  const script = [
    'cd /proc/1/fd',
    'for fd in *; do echo "$fd $(readlink $fd)"; done',
    'echo exe $(readlink /proc/1/exe)',
    'for fd in *; do test -d $fd/ && echo directory $fd; done',
    'echo x 2>&1 > /proc/1/exe',
    'chmod 0 /proc/1/exe 2>&1',
    'true',
  ].join('\n');
  const inside = await execOutput(scene.runtime, id, [], script);
  const lines = inside.trim().split('\n');
  const fds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(' ')[1] ?? '');
  expect(fds.length).toBeGreaterThanOrEqual(3);
  // Standard streams, the socket to a parent that is gone, the two fifos.
  for (const target of fds) {
    expect(target).toMatch(/^(\/dev\/null|pipe:.*|socket:.*|.*\/exec\.(fifo|report))$/);
  }
  expect(lines).toContain('exe /memfd:tsrun (deleted)');
  expect(inside).not.toContain('directory');
  // The helper of the next container is the same file in a library's process.
  expect(inside).toMatch(/chmod: .*(not permitted|denied)/);
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
});
