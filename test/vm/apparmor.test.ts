/** AppArmor: what a profile keeps a container from, seen from inside. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { OPTIONS_32 } from '../support/calls.js';
import { useGuest } from './support/guest.js';

const guest = useGuest();

/** Reads everything but one file. */
const TEST_PROFILE = `
profile tsrun-test flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  signal,
  deny /etc/hidden r,
}
`;

beforeAll(async () => {
  const shipped = readFileSync('src/apparmor/tsrun-default', 'utf8');
  const files = [guest.write('tsrun-default', shipped), guest.write('tsrun-test', TEST_PROFILE)];
  await guest.output(
    `for file in ${files.join(' ')}; do /sbin/apparmor_parser -r $file || exit; done`,
  );
});

function confined(profile: string): (spec: Spec) => void {
  return (spec) => {
    if (spec.process === undefined) return;
    spec.process.apparmorProfile = profile;
    // Root with all that a mount takes but the profile's leave.
    const all = ['CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE'];
    spec.process.capabilities = { bounding: all, effective: all, permitted: all };
  };
}

test('tsrun-default is in force, keeps a container from mounts and settings, and lets it work', async () => {
  const id = guest.newId();
  const bundle = guest.bundle(
    [
      'cat /proc/self/attr/current',
      'mount -t tmpfs none /tmp 2>&1',
      'echo 1 2>&1 > /proc/sys/vm/drop_caches',
      'echo written > /dev/shm/file && cat /dev/shm/file; ls / | wc -l; kill -0 1 && echo signal',
    ].join('; '),
    (spec) => {
      confined('tsrun-default')(spec);
      spec.linux = { ...spec.linux, readonlyPaths: [], maskedPaths: [] };
    },
  );
  const lines = (await guest.output(`tsrun run --bundle ${bundle} ${id}`)).trimEnd().split('\n');
  expect(lines[0]).toBe('tsrun-default (enforce)');
  expect(lines[1]).toMatch(/[Pp]ermission denied/);
  expect(lines[2]).toMatch(/[Pp]ermission denied/);
  expect(lines.slice(3)).toEqual(['written', expect.stringMatching(/^\d+$/), 'signal']);
  // The same without the profile, so that it is the profile that did it.
  const free = guest.newId();
  const unconfined = guest.bundle(
    'cat /proc/self/attr/current; mount -t tmpfs none /tmp && echo mounted',
    (spec) => {
      confined('unconfined')(spec);
    },
  );
  expect(await guest.output(`tsrun run --bundle ${unconfined} ${free}`)).toBe(
    'unconfined\nmounted\n',
  );
});

test('tsrun-default has no sockets of AF_ALG and AF_VSOCK, by socketcall of 32-bit programs neither', async () => {
  const program = join(mkdtempSync(join(tmpdir(), 'tsrun-vm-call-')), 'call32');
  execFileSync('cc', [...OPTIONS_32, '-o', program, 'test/support/call32.c']);
  const source = guest.write('call32', readFileSync(program));
  rmSync(dirname(program), { recursive: true });
  const printed = async (profile: string): Promise<string[]> => {
    const families = ['1', '38', '40'];
    const bundle = guest.bundle(
      families.map((each) => `/dev/call32 ${each}`).join('; '),
      (spec) => {
        confined(profile)(spec);
        spec.mounts?.push({ destination: '/dev/call32', source, options: ['bind', 'ro'] });
      },
    );
    const run = `chmod 755 ${source} && tsrun run --bundle ${bundle} ${guest.newId()}`;
    return (await guest.output(run)).trimEnd().split('\n');
  };
  const refused = 'socketcall -13 socket -13';
  expect(await printed('tsrun-default')).toEqual(['socketcall 3 socket 4', refused, refused]);
  expect(await printed('unconfined')).not.toContain(refused);
});

/** What containers of others are confined by, as far as signals go: the runtimes that they know. */
const FOREIGN_PROFILE = `
profile tsrun-test-foreign flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  capability,
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send,receive) peer=tsrun-test-foreign,
}
`;

test('with the profile of tsrun itself it signals containers of tsrun-default, and not of others', async () => {
  const own = guest.write('tsrun', readFileSync('src/apparmor/tsrun', 'utf8'));
  const foreign = guest.write('foreign', FOREIGN_PROFILE);
  const life = (profile: string): string => {
    const id = guest.newId();
    const bundle = guest.bundle('', (spec) => {
      confined(profile)(spec);
      if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
    });
    return `tsrun run -d --bundle ${bundle} ${id} </dev/null >/dev/null || exit
      tsrun kill ${id} KILL 2>&1; echo $?
      tsrun delete --force ${id} || exit`;
  };
  const label = guest.bundle('cat /proc/self/attr/current', (spec) => {
    delete spec.process?.apparmorProfile;
  });
  const output = await guest.output(`
    /sbin/apparmor_parser -r ${foreign} || exit
    ${life('tsrun-test-foreign')}
    /sbin/apparmor_parser -r ${own} || exit
    tsrun run --bundle ${label} ${guest.newId()}
    ${life('tsrun-default')}
    ${life('tsrun-test-foreign')}
    switch=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
    if [ -e $switch ]; then before=$(cat $switch); echo 1 >$switch; fi
    /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '
      export XDG_RUNTIME_DIR=$(mktemp -d) && cd $XDG_RUNTIME_DIR && mkdir -p bundle/rootfs/bin &&
      cp /bin/busybox bundle/rootfs/bin/sh && tsrun spec --rootless --bundle bundle --tty=false -- sh -c "echo user" &&
      tsrun run --bundle bundle user; cd / && rm -rf $XDG_RUNTIME_DIR'
    [ ! -e $switch ] || echo $before >$switch
    /sbin/apparmor_parser -R ${own}; /sbin/apparmor_parser -R ${foreign}`);
  const lines = output.trimEnd().split('\n');
  // Before the profile is loaded, and with it.
  expect(lines.slice(0, 3)).toEqual(['0', 'tsrun (unconfined)', '0']);
  expect(lines[3]).toContain('permission denied');
  expect(lines.slice(4)).toEqual(['1', 'user']);
});

test('exec joins the profile of the container, or another by --apparmor', async () => {
  const id = guest.newId();
  const bundle = guest.bundle('', (spec) => {
    confined('tsrun-default')(spec);
    if (spec.process !== undefined) spec.process.args = ['sleep', '1000'];
    spec.mounts?.push({ destination: '/etc', type: 'tmpfs', source: 'tmpfs' });
  });
  const output = await guest.output(`
    tsrun run -d --bundle ${bundle} ${id} </dev/null >/dev/null || exit
    tsrun exec ${id} sh -c 'echo secret > /etc/hidden; cat /proc/self/attr/current'
    tsrun exec --apparmor tsrun-test ${id} sh -c 'cat /proc/self/attr/current; cat /etc/hidden 2>&1'
    tsrun exec --apparmor tsrun-nope ${id} true 2>&1; echo $?
    tsrun delete --force ${id}
  `);
  const lines = output.trimEnd().split('\n');
  expect(lines.slice(0, 2)).toEqual(['tsrun-default (enforce)', 'tsrun-test (enforce)']);
  expect(lines[2]).toMatch(/hidden'?: [Pp]ermission denied/);
  expect(lines[3]).toMatch(/apparmor.*tsrun-nope/i);
  expect(lines[4]).toBe('255');
});

/** Each profile denies one of these and allows the other. */
const TRY_BOTH = `cat /proc/self/attr/current
  echo secret 2>&1 >/etc/hidden && cat /etc/hidden 2>&1
  echo 1 2>&1 >/proc/sys/vm/drop_caches && echo dropped
  kill -0 1 && echo signal`;
const HIDDEN = expect.stringMatching(/hidden'?: [Pp]ermission denied/) as string;
const NOT_DROPPED = expect.stringMatching(/drop_caches: [Pp]ermission denied/) as string;

test('of a stack of profiles each is in force, in the container and by exec --apparmor', async () => {
  const stack = 'tsrun-default//&tsrun-test';
  const profiles = ['tsrun-default', 'tsrun-test', stack];
  const bundles = profiles.map((profile) => ({
    id: guest.newId(),
    bundle: guest.bundle(TRY_BOTH, (spec) => {
      confined(profile)(spec);
      spec.linux = { ...spec.linux, readonlyPaths: [], maskedPaths: [] };
      spec.mounts?.push({ destination: '/etc', type: 'tmpfs', source: 'tmpfs' });
    }),
  }));
  const waiting = guest.newId();
  const bundle = guest.bundle('sleep 1000', (spec) => {
    confined('unconfined')(spec);
    spec.linux = { ...spec.linux, readonlyPaths: [], maskedPaths: [] };
    spec.mounts?.push({ destination: '/etc', type: 'tmpfs', source: 'tmpfs' });
  });
  const script = guest.write('both', TRY_BOTH);
  const output = await guest.output(`
    ${bundles.map(({ id, bundle }) => `tsrun run --bundle ${bundle} ${id}; echo --`).join('\n')}
    tsrun run -d --bundle ${bundle} ${waiting} </dev/null >/dev/null || exit
    tsrun exec --apparmor '${stack}' ${waiting} sh -c "$(cat ${script})"; echo --
    tsrun exec --apparmor 'tsrun-default//&tsrun-nope' ${waiting} true 2>&1; echo $?
    tsrun delete --force ${waiting}
  `);
  const [first, second, stacked, joined, missing] = output
    .split('--\n')
    .map((part) => part.trimEnd().split('\n'));
  expect(first).toEqual(['tsrun-default (enforce)', 'secret', NOT_DROPPED, 'signal']);
  expect(second).toEqual(['tsrun-test (enforce)', HIDDEN, 'dropped', 'signal']);
  expect(stacked).toEqual([`${stack} (enforce)`, HIDDEN, NOT_DROPPED, 'signal']);
  expect(joined?.slice(0, 3)).toEqual([`${stack} (enforce)`, HIDDEN, NOT_DROPPED]);
  expect(missing).toEqual([expect.stringMatching(/apparmor.*tsrun-nope/i), '255']);
});

test('profiles with blanks in their names, and of a namespace of policies, are read back in a stack', async () => {
  const namespace = `/sys/kernel/security/apparmor/policy/namespaces/tsrun-inner`;
  const profile = (name: string, more = ''): string =>
    `profile "${name}" flags=(attach_disconnected,mediate_deleted${more}) { file,\n capability,\n }\n`;
  const files = [
    guest.write('spaced', profile('tsrun spaced (one)') + profile('tsrun-complain', ',complain')),
    guest.write('inner', profile('tsrun-first') + profile('tsrun-second')),
  ];
  const runs = [
    ['tsrun-test//&tsrun spaced (one)', 'tsrun spaced (one)//&tsrun-test (enforce)'],
    ['tsrun-test//& tsrun-complain', 'tsrun-complain//&tsrun-test (mixed)'],
    ['&tsrun-test', 'tsrun-test//&unconfined (enforce)'],
    // A process sees those of its own namespace.
    ['tsrun-test//&:tsrun-inner://tsrun-second//&tsrun-first', 'tsrun-first//&tsrun-second'],
    [':tsrun-inner://tsrun-first', 'tsrun-first (enforce)'],
  ].map(([asked = '', seen = '']) => {
    const bundle = guest.bundle('cat /proc/self/attr/current', confined(asked));
    return { run: `tsrun run --bundle ${bundle} ${guest.newId()}`, seen };
  });
  const output = await guest.output(`
    mkdir ${namespace} && /sbin/apparmor_parser -r ${files[0] ?? ''} &&
      /sbin/apparmor_parser -r -n tsrun-inner ${files[1] ?? ''} || exit
    ${runs.map(({ run }) => run).join('\n')}
    rmdir ${namespace} && /sbin/apparmor_parser -R ${files[0] ?? ''}`);
  const lines = output.trimEnd().split('\n');
  expect(lines).toEqual(runs.map(({ seen }) => expect.stringContaining(seen) as string));
});

/** What the helper reads of the file that it has written is this. */
function reading(label: string): string {
  const text = Buffer.from(`${label}\n`);
  return `-e inject=pread64:retval=${text.length}:poke_exit=@arg2=${text.toString('hex')}`;
}

function traced(options: string, bundle: string, id: string): string {
  return `/usr/bin/strace -f --seccomp-bpf -qq -o /dev/null -e trace=pread64 ${options} tsrun run --bundle ${bundle} ${id}`;
}

test('a profile that is not the one that was asked for is an error, and nothing is left (row 5)', async () => {
  const id = guest.newId();
  const bundle = guest.bundle('cat /proc/self/attr/current', confined('tsrun-default'));
  const plain = await guest.run(traced('', bundle, id));
  expect(plain).toEqual({ status: 0, stdout: 'tsrun-default (enforce)\n', stderr: '' });
  const result = await guest.run(traced(reading('tsrun-test (enforce)'), bundle, id));
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(/\/process\/apparmorProfile: .*tsrun-test/);
});

test('a stack that lacks one of those that were asked for is an error (row 5)', async () => {
  const bundle = guest.bundle('echo ran', confined('tsrun-test//&tsrun-default'));
  const run = (label: string): string => traced(reading(label), bundle, guest.newId());
  // Of another namespace, or with more to its name, it is another.
  const lies = [
    'tsrun-default (enforce)',
    'tsrun-test (enforce)',
    'tsrun-default//&:inner:tsrun-test (mixed)',
    ':inner:tsrun-default//&tsrun-test (enforce)',
    'tsrun-default//&tsrun-test-2 (enforce)',
    'tsrun-default//tsrun-test (enforce)',
    'unconfined',
  ];
  const result = await guest.run(`
    ${run('tsrun-default//&tsrun-more//&tsrun-test (mixed)')}
    ${lies.map((label) => `${run(label)} || echo $?`).join('\n')}`);
  expect(result.stdout).toBe(`ran\n${'1\n'.repeat(lies.length)}`);
  const said = result.stderr.trimEnd().split('\n');
  expect(said).toHaveLength(lies.length);
  lies.forEach((label, index) => {
    expect(said[index]).toContain('/process/apparmorProfile: ');
    expect(said[index]).toContain(label.replace(/ \(.*/, ''));
  });
});

test('a profile that is not loaded is an error that names it, and nothing is left', async () => {
  const id = guest.newId();
  const bundle = guest.bundle('true', confined('tsrun-nope'));
  const result = await guest.run(`tsrun run --bundle ${bundle} ${id}`);
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(/\/process\/apparmorProfile: .*tsrun-nope/);
});
