/** The whole lifecycle as an ordinary user, with many ids and with one. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { makeBundle } from '../support/bundle.js';
import type { Bundle } from '../support/bundle.js';
import { leftOf } from '../support/left.js';
import { COMMAND, newId } from '../support/tsrun.js';
import { SUBGID, SUBUID, UID, makeUser } from '../support/user.js';
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
  if (existsSync(join(root, id))) await user.tsrun(['delete', '--force', id]);
  const left = leftOf({ id, root, bundle: bundle.path });
  bundle.remove();
  expect(left).toEqual([]);
});

/** A bundle of the user's. */
function make(script: string, change: (spec: Spec) => void): void {
  bundle = makeBundle(script, (spec) => {
    delete spec.process?.capabilities?.ambient;
    const linux = spec.linux ?? {};
    linux.namespaces = [...(linux.namespaces ?? []), { type: 'user' }];
    change(spec);
  });
  user.give(bundle.path);
}

/** The caller is root inside, 1 and up are those of /etc/subuid: what podman maps. */
function mapMany(spec: Spec): void {
  Object.assign(spec.linux ?? {}, {
    uidMappings: [
      { containerID: 0, hostID: UID, size: 1 },
      { containerID: 1, hostID: SUBUID, size: 65536 },
    ],
    gidMappings: [
      { containerID: 0, hostID: UID, size: 1 },
      { containerID: 1, hostID: SUBGID, size: 65536 },
    ],
  });
}

function mapOne(spec: Spec): void {
  Object.assign(spec.linux ?? {}, {
    uidMappings: [{ containerID: 0, hostID: UID, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: UID, size: 1 }],
  });
  const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
  if (pts?.options !== undefined) pts.options = pts.options.filter((o) => !o.startsWith('gid='));
}

test('a time namespace with offsets in a user namespace that is joined', async () => {
  make('cat /proc/self/timens_offsets | tr -s " "', (spec) => {
    const linux = spec.linux ?? {};
    const namespaces = linux.namespaces ?? [];
    for (const namespace of namespaces) {
      if (namespace.type === 'user') namespace.path = '/proc/PID/ns/user';
    }
    linux.namespaces = [...namespaces, { type: 'time' }];
    mapOne(spec);
    delete linux.uidMappings;
    delete linux.gidMappings;
    linux.timeOffsets = { boottime: { secs: 1_000_000 } };
  });
  // The user's own process, in whose namespace the user has all rights.
  const command = `unshare --user --map-root-user sh -c 'echo $$; exec sleep 1000' > "$0/holder" &
    holder=$!
    until test -s "$0/holder"; do :; done
    sed "s|/proc/PID/|/proc/$(cat "$0/holder")/|" -i "$0/config.json"
    "$@"; status=$?
    kill $holder; wait $holder; exit $status`;
  const run = [...COMMAND, 'run', '--bundle', bundle.path, id];
  const result = await user.run(['sh', '-c', command, bundle.path, ...run]);
  expect(result).toMatchObject({
    status: 0,
    stdout: 'monotonic 0 0\nboottime 1000000 0\n',
  });
});

const LOOK = `
  echo uids: $(cat /proc/self/uid_map)
  echo gids: $(cat /proc/self/gid_map)
  echo "setgroups: $(cat /proc/self/setgroups)"
  grep '^Groups' /proc/self/status
  grep ' /dev/[a-z]* ' /proc/self/mountinfo | awk '{ print "bound", $4, $5 }'
  for name in null zero full random urandom tty; do stat -c '%n %F %t:%T' /dev/$name; done
  echo hello >/dev/null && echo null is writable
  mknod /dev/mine c 1 3 2>&1
  cat /proc/self/cgroup | tail -n 1
`;

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

test.each([
  {
    name: 'with the ids of /etc/subuid',
    map: mapMany,
    uids: `0 ${UID.toString()} 1 1 ${SUBUID.toString()} 65536`,
    gids: `0 ${UID.toString()} 1 1 ${SUBGID.toString()} 65536`,
    setgroups: 'allow',
    groups: [7, 8],
  },
  {
    name: 'with a single id',
    map: mapOne,
    uids: `0 ${UID.toString()} 1`,
    gids: `0 ${UID.toString()} 1`,
    setgroups: 'deny',
    groups: undefined,
  },
])('run $name', async ({ map, uids, gids, setgroups, groups }) => {
  make(LOOK, (spec) => {
    map(spec);
    if (groups !== undefined && spec.process?.user !== undefined) {
      spec.process.user.additionalGids = groups;
    }
  });
  const result = await user.tsrun(['run', '--bundle', bundle.path, id]);
  expect(result.status, result.stderr).toBe(0);
  const lines = result.stdout.split('\n');
  expect(lines).toContain(`uids: ${uids}`);
  expect(lines).toContain(`gids: ${gids}`);
  expect(lines).toContain(`setgroups: ${setgroups}`);
  if (groups !== undefined) expect(result.stdout).toMatch(/^Groups:\s7 8 $/m);
  for (const name of DEVICES) expect(lines).toContain(`bound /${name} /dev/${name}`);
  expect(lines).toContain('/dev/null character special file 1:3');
  expect(lines).toContain('/dev/urandom character special file 1:9');
  expect(lines).toContain('null is writable');
  expect(result.stdout).toContain('mknod: /dev/mine: Operation not permitted');
  // Its own cgroup namespace shows the caller's cgroup as the root, and nothing was made.
  expect(lines).toContain('0::/');
  expect(result.stderr).toBe('');
});

test('a cgroup that is not there, and device rules that are not in force, are told who asks', async () => {
  make('true', mapOne);
  const { stderr } = await user.tsrun(['--debug', 'run', '--bundle', bundle.path, id]);
  expect(stderr).toMatch(
    /^tsrun: debug: cannot create cgroup \S+: permission denied; the container stays in the cgroup of its caller$/m,
  );
  expect(stderr).toMatch(/^tsrun: debug: \/linux\/resources\/devices: the rules are not in force/m);
});

test('device rules that are missed are told', async () => {
  make('true', (spec) => {
    mapOne(spec);
    const { resources = {} } = spec.linux ?? {};
    const readable = { allow: true, type: 'c' as const, major: 10, minor: 229, access: 'r' };
    resources.devices = [...(resources.devices ?? []), readable];
  });
  const { stderr } = await user.tsrun(['run', '--bundle', bundle.path, id]);
  expect(stderr).toMatch(
    /^tsrun: warning: \/linux\/resources\/devices: the rules are not in force[^\n]*\n$/,
  );
});

test('create, state, start, exec, ps, kill and delete', async () => {
  make('', (spec) => {
    mapMany(spec);
    if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
  });
  const pidFile = join(user.runtimeDirectory, 'pid');
  const created = await user.tsrun(['create', '--bundle', bundle.path, '--pid-file', pidFile, id], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  expect(created.status).toBe(0);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  // $XDG_RUNTIME_DIR/tsrun, and nobody else can look into it.
  expect(readdirSync(root)).toEqual([id]);

  const state = async (): Promise<Record<string, unknown>> =>
    JSON.parse((await user.tsrun(['state', id])).stdout) as Record<string, unknown>;
  expect(await state()).toMatchObject({ id, pid, status: 'created', owner: 'tester' });
  expect(readFileSync(`/proc/${pid.toString()}/uid_map`, 'utf8')).toContain(SUBUID.toString());

  expect((await user.tsrun(['start', id])).stderr).toBe('');
  expect(await state()).toMatchObject({ status: 'running' });

  const inside = await user.tsrun([
    'exec',
    '--user',
    '5:6',
    id,
    'sh',
    '-c',
    'id -u; id -g; readlink /proc/self/ns/user; hostname; cat /proc/1/comm; exit 3',
  ]);
  expect(inside).toMatchObject({ status: 3, stderr: '' });
  const [uid, gid, namespace, hostname, init] = inside.stdout.split('\n');
  expect([uid, gid, hostname, init]).toEqual(['5', '6', 'tsrun-test', 'sleep']);
  expect(namespace).not.toBe(readlinkSync('/proc/self/ns/user'));

  const list = await user.tsrun(['list', '--quiet']);
  expect(list.stdout).toBe(`${id}\n`);
  expect((await user.tsrun(['delete', id])).stderr).toContain('that is not stopped: running');
  expect((await user.tsrun(['kill', id, 'KILL'])).stderr).toBe('');
  const deleted = await user.tsrun(['delete', '--force', id]);
  expect(deleted).toMatchObject({ status: 0, stderr: '' });
});

test('without a session the state is below /tmp, for nobody else to see', async () => {
  const own = `/tmp/tsrun-${UID.toString()}`;
  rmSync(own, { recursive: true, force: true });
  make('exit 3', mapMany);
  const tsrun = (...args: string[]): ReturnType<User['run']> =>
    user.run(['env', '--unset=XDG_RUNTIME_DIR', ...COMMAND, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const detached = ['create', '--bundle', bundle.path, id];
  const quiet = ['sh', '-c', '"$@" </dev/null >/dev/null 2>&1', 'sh'];
  const created = await user.run([
    ...['env', '--unset=XDG_RUNTIME_DIR', ...quiet],
    ...[...COMMAND, ...detached],
  ]);
  expect(created.status).toBe(0);
  const { mode, uid } = statSync(own);
  expect([(mode & 0o7777).toString(8), uid]).toEqual(['700', UID]);
  const state = readFileSync(join(own, id, 'state.json'), 'utf8');
  expect(state).toContain(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  expect((await tsrun('list', '--quiet')).stdout).toBe(`${id}\n`);
  expect(await tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
  expect(await tsrun('run', '--bundle', bundle.path, id)).toMatchObject({ status: 3, stderr: '' });
  expect(readdirSync(own)).toEqual([]);

  // Whoever is there first has nothing of it.
  rmSync(own, { recursive: true });
  mkdirSync(own);
  chmodSync(own, 0o777);
  const refused = await tsrun('list');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain(`cannot use state directory ${own}`);
  rmSync(own, { recursive: true });
});

test('what spec --rootless writes runs as it is', async () => {
  make('', () => undefined);
  rmSync(join(bundle.path, 'config.json'));
  const spec = await user.tsrun(['spec', '--rootless', '--bundle', bundle.path]);
  expect(spec).toMatchObject({ status: 0, stderr: '' });
  // It asks for a terminal and a shell; script(1) has the one and writes to the other.
  const { status, stdout } = await user.run(
    ['script', '-qec', [...COMMAND, 'run', '--bundle', bundle.path, id].join(' '), '/dev/null'],
    { input: 'id; tty; echo $(ls /sys/class/net) net; exit 4\n' },
  );
  expect(status, stdout).toBe(4);
  expect(stdout).toContain('uid=0(root) gid=0(root)');
  expect(stdout).toContain('/dev/pts/0');
  // As with any other: the caller's network has to be asked for.
  expect(stdout).toMatch(/^lo net\r?$/m);
});

test('without newuidmap the error names it, and nothing is left', async () => {
  make('true', mapMany);
  const command = ['env', 'PATH=/nonexistent', ...COMMAND, 'run', '--bundle', bundle.path, id];
  const { status, stderr } = await user.run(command);
  expect(status).toBe(1);
  expect(stderr.split('\n').at(-2)).toBe(
    'tsrun: /linux/uidMappings: cannot map these ids without privileges: newuidmap is not in PATH (package uidmap on Debian, shadow-utils on Fedora)',
  );
  expect(existsSync(join(root, id))).toBe(false);
});

test('ids that /etc/subuid does not give are refused, and nothing is left', async () => {
  make('true', (spec) => {
    mapMany(spec);
    const mapping = spec.linux?.uidMappings?.[1];
    if (mapping !== undefined) mapping.hostID = SUBUID + 1;
  });
  const { status, stderr } = await user.tsrun(['run', '--bundle', bundle.path, id]);
  expect(status).toBe(1);
  expect(stderr.split('\n').at(-2)).toMatch(
    /^tsrun: \/linux\/uidMappings: newuidmap failed \(does \/etc\/subuid allow these ids\?\): newuidmap: /,
  );
  expect(existsSync(join(root, id))).toBe(false);
});
