/** The lifecycle as uid 0 of a user namespace, which is how podman and buildah call a runtime rootless. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { makeBundle } from '../support/bundle.js';
import type { Bundle } from '../support/bundle.js';
import { leftOf } from '../support/left.js';
import { COMMAND, newId } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';
import { SUBUID, UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';

let user: User;
let bundle: Bundle;
let id: string;
let root: string;

beforeAll(() => {
  user = makeUser();
  root = join(user.runtimeDirectory, 'tsrun');
});

afterAll(() => {
  user.remove();
});

beforeEach(() => {
  id = newId();
});

afterEach(async () => {
  if (existsSync(join(root, id))) await tsrun(['delete', '--force', id]);
  const left = leftOf({ id, root, bundle: bundle.path });
  bundle.remove();
  expect(left).toEqual([]);
});

/** Root of a new user namespace, in a mount namespace that belongs to it. */
const ENTER = ['unshare', '--user', '--map-root-user', '--map-auto', '--mount'];

function tsrun(args: readonly string[]): Promise<Result> {
  return user.run([...ENTER, ...COMMAND, ...args]);
}

function make(script: string, change: (spec: Spec) => void = () => undefined): void {
  bundle = makeBundle(script, (spec) => {
    delete spec.process?.capabilities?.ambient;
    change(spec);
  });
  user.give(bundle.path);
}

const LOOK = `
  echo uids: $(cat /proc/self/uid_map)
  echo id: $(id -u):$(id -g)
  grep ' /dev/[a-z]* ' /proc/self/mountinfo | awk '{ print "bound", $4, $5 }'
  stat -c '%n %F %t:%T' /dev/null
  echo hello >/dev/null && echo null is writable
  mknod /dev/mine c 1 3 2>&1
  grep '^CapEff' /proc/self/status
  cat /sys/class/net/lo/flags
  mount -t tmpfs none /mnt 2>&1
  exit 5
`;

function expectContained({ status, stdout, stderr }: Result): void {
  expect(status, stderr).toBe(5);
  expect(stdout).toContain('id: 0:0\n');
  expect(stdout).toContain('bound /null /dev/null\n');
  expect(stdout).toContain('/dev/null character special file 1:3\n');
  expect(stdout).toContain('null is writable\n');
  expect(stdout).toContain('mknod: /dev/mine: Operation not permitted\n');
  // CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE: those of the configuration.
  expect(stdout).toContain('CapEff:\t0000000020000420\n');
  expect(stdout).toContain('0x9\n');
  expect(stdout).toContain('mount: permission denied');
  expect(stderr).not.toContain('/linux/resources/devices');
}

test('run in the user namespace of the caller', async () => {
  make(LOOK);
  const result = await tsrun(['run', '--bundle', bundle.path, id]);
  expectContained(result);
  expect(result.stdout).toContain(`uids: 0 ${UID.toString()} 1 1 ${SUBUID.toString()} 65535\n`);
});

test('run in a user namespace below that of the caller', async () => {
  make(LOOK, (spec) => {
    const linux = spec.linux ?? {};
    linux.namespaces = [...(linux.namespaces ?? []), { type: 'user' }];
    linux.uidMappings = [{ containerID: 0, hostID: 1, size: 1000 }];
    linux.gidMappings = [{ containerID: 0, hostID: 1, size: 1000 }];
  });
  const result = await tsrun(['run', '--bundle', bundle.path, id]);
  expectContained(result);
  expect(result.stdout).toContain('uids: 0 1 1000\n');
});

test('create, start, exec, kill and delete', async () => {
  make('', (spec) => {
    if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
  });
  const pidFile = join(user.runtimeDirectory, 'pid');
  // One user namespace for all, as podman's pause process holds it.
  const script = `
    tsrun() { ${COMMAND.join(' ')} "$@"; }
    set -e
    tsrun create --bundle ${bundle.path} --pid-file ${pidFile} ${id} </dev/null >/dev/null
    tsrun state ${id} | grep '"status"'
    tsrun start ${id}
    tsrun exec --user 5:6 ${id} sh -c 'echo exec $(id -u):$(id -g) $(cat /proc/1/comm)'
    tsrun kill ${id} KILL
    tsrun delete --force ${id}
    ls ${root}
    echo end
  `;
  const { status, stdout, stderr } = await user.run([...ENTER, 'sh', '-c', script]);
  expect(status, stderr).toBe(0);
  expect(stdout.replace(/^ */, '')).toBe('"status": "created",\nexec 5:6 sleep\nend\n');
  expect(stderr).not.toMatch(/^tsrun: (?!warning: )/m);
  expect(existsSync(`/proc/${readFileSync(pidFile, 'utf8')}/root`)).toBe(false);
});
