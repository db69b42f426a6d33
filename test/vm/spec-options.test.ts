/** Bundles that `tsrun spec` makes by its options alone, and what they come to inside. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { ROOTFS, useGuest } from './support/guest.js';

const guest = useGuest();

/** With ids in /etc/subuid for this test. */
const UID = 34568;

/**
 * Shell functions. `container ID [OPTION...] -- WORD...` makes a bundle, as root
 * or with $AS before each command, and runs it. At the end, however it comes, nothing of it is left.
 */
const FUNCTIONS = `
  work=/run/spec-options; AS=; ROOT=${ROOTFS}
  mkdir -p $work && chmod 755 $work && cd $work || exit
  container() {
    id=$1; shift
    mkdir -p $id && ln -s $ROOT $id/rootfs && { [ -z "$AS" ] || chown ${UID}:${UID} $id; } || return
    $AS tsrun spec --bundle $work/$id --tty=false "$@" && $AS tsrun run --bundle $work/$id $id
    echo "status $?"
  }
  undo=:
  trap 'cd /; eval "$undo"; rm -r $work' EXIT`;

function lines(text: string): string[] {
  return text.trimEnd().split('\n');
}

test('limits, profile, filter, names, capabilities, mounts, network, root, words', async () => {
  const [all, none] = [guest.newId(), guest.newId()];
  const profile = guest.write('tsrun-default', readFileSync('src/apparmor/tsrun-default', 'utf8'));
  const probe = guest.write(
    'probe',
    `hostname; echo "$COLOUR $TERM|$1|$2|$#"
    cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max /proc/self/attr/current
    grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status
    unshare -U true 2>/dev/null && echo unshares || echo filtered
    touch /made 2>/dev/null && rm /made && echo writable || echo read-only
    echo $(ls /sys/class/net)
    awk '$5 ~ "^/mnt" { print $5, $6 }' /proc/self/mountinfo; exit 7`,
  );
  const result = await guest.run(`${FUNCTIONS}
    /sbin/apparmor_parser -r ${profile} || exit
    mkdir -p data/below && mount -t tmpfs below data/below && undo="umount $work/data/below"
    cp -a ${ROOTFS} own && ROOT=$work/own
    container ${all} --memory 64M --cpus 0.5 --apparmor tsrun-default --seccomp default \
      --hostname web --env COLOUR=blue --env TERM=dumb --cap-drop ALL --cap-add CHOWN \
      --cap-add cap_net_bind_service --bind $work/data:/mnt:ro,nosuid,nodev,noexec \
      --bind ${probe}:/tmp/probe --network none --read-only -- sh /tmp/probe 'two words' --memory
    container ${none} --read-only=false --network host --bind $work/data:/mnt:bind \
      --bind ${probe}:/tmp/probe sh /tmp/probe
    echo $(ls /sys/class/net)`);
  expect(result.stderr).toBe('');
  const shown = lines(result.stdout);
  const host = shown.pop();
  const other = shown.splice(shown.indexOf('status 7') + 1);
  expect(shown).toEqual([
    ...['web', 'blue dumb|two words|--memory|2', '67108864', '50000 100000'],
    'tsrun-default (enforce)',
    ...['CapEff:\t0000000000000401', 'CapBnd:\t0000000000000401', 'Seccomp:\t2'],
    ...['filtered', 'read-only', 'lo'],
    // Options of the mount itself, as mount(2) has it: `rro` goes for what is below too.
    ...['/mnt ro,nosuid,nodev,noexec,relatime', '/mnt/below rw,relatime', 'status 7'],
  ]);
  // The same without these options, so that it is they that did it.
  expect(other).toEqual([
    ...['tsrun', ' xterm|||0', 'max', 'max 100000'],
    'unconfined',
    ...['CapEff:\t0000000020000420', 'CapBnd:\t0000000020000420', 'Seccomp:\t0'],
    ...['unshares', 'writable', host],
    ...['/mnt rw,relatime', 'status 7'],
  ]);
});

test('user namespaces by ranges, and networks by path', async () => {
  const [ranges, auto, joined] = [guest.newId(), guest.newId(), guest.newId()];
  const result = await guest.run(`${FUNCTIONS}
    mkdir data && chown 200000:200000 data
    owner='echo $(cat /proc/self/uid_map) $(cat /proc/self/gid_map); touch /mnt/a; chown 1000:1001 /mnt/a'
    container ${ranges} --userns 0:200000:1000 --userns 1000:300000:64536 --cap-add CHOWN \
      --bind $work/data:/mnt -- sh -c "$owner"
    stat -c %u:%g data/a; chown -R 100000:100000 data
    container ${auto} --userns auto --cap-add CHOWN --bind $work/data:/mnt -- sh -c "$owner"
    stat -c %u:%g data/a
    /bin/ip netns add ${joined} && undo='/bin/ip netns delete ${joined}'; stat -Lc %i /run/netns/${joined}
    container ${joined} --network /run/netns/${joined} -- readlink /proc/self/ns/net`);
  expect(result.stderr).toBe('');
  const shown = lines(result.stdout);
  const two = '0 200000 1000 1000 300000 64536';
  expect(shown.slice(0, 3)).toEqual([`${two} ${two}`, 'status 0', '300000:300001']);
  const one = '0 100000 65536';
  expect(shown.slice(3, 6)).toEqual([`${one} ${one}`, 'status 0', '101000:101001']);
  expect(shown.slice(7)).toEqual([`net:[${shown[6] ?? ''}]`, 'status 0']);
});

test('several profiles, in their order, and options after them', async () => {
  const id = guest.newId();
  const fragment = (name: string, value: object): string =>
    `--profile ${guest.write(name, JSON.stringify(value))}`;
  const small = fragment('small.json', {
    process: { env: ['SIZE=small', 'ONE=1'], args: ['false'] },
    linux: { resources: { memory: { limit: 16 << 20 }, pids: { limit: 5 } } },
    hostname: 'small',
  });
  const large = fragment('large.json', {
    process: { env: ['SIZE=large'] },
    linux: { resources: { pids: { limit: 9 } } },
    hostname: 'large',
  });
  const result = await guest.run(`${FUNCTIONS}
    container ${id} ${small} ${large} --memory 32M -- \
      sh -c 'echo $(hostname) $ONE $SIZE; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'`);
  expect(result).toEqual({
    status: 0,
    stderr: '',
    stdout: 'large 1 large\n33554432\n9\nstatus 0\n',
  });
});

test('a user without privileges, alone and with the ids of /etc/subuid', async () => {
  const [alone, auto] = [guest.newId(), guest.newId()];
  const inside = 'echo $(cat /proc/self/uid_map) $(cat /proc/self/gid_map); id -u; cat /mnt/a';
  const result = await guest.run(`${FUNCTIONS}
    useradd -u ${UID} -M -s /bin/sh spec-user && undo='userdel spec-user' && sed -i /^spec-user:/d /etc/subuid /etc/subgid &&
      echo spec-user:2000000:65536 >>/etc/subuid && echo spec-user:3000000:65536 >>/etc/subgid || exit
    mkdir run data && echo shared >data/a && chmod 700 run data && chown -R ${UID}:${UID} run data
    AS="/usr/bin/setpriv --reuid ${UID} --regid ${UID} --clear-groups env XDG_RUNTIME_DIR=$work/run"
    container ${alone} --rootless --bind $work/data:/mnt -- sh -c '${inside}'
    container ${auto} --rootless --userns auto --cap-add CHOWN --bind $work/data:/mnt -- \
      sh -c '${inside}; touch /mnt/b; chown 33:34 /mnt/b'
    stat -c %u:%g data/b`);
  expect(result.stderr).toBe('');
  expect(lines(result.stdout)).toEqual([
    ...[`0 ${UID} 1 0 ${UID} 1`, '0', 'shared', 'status 0'],
    `0 ${UID} 1 1 2000000 65536 0 ${UID} 1 1 3000000 65536`,
    ...['0', 'shared', 'status 0', '2000032:3000033'],
  ]);
});
