/**
 * What a container's process sees under tsrun, beside runc and crun: configurations as managers write them
 * (test/support/manager-configs.ts). Every difference is explained in docs/migrating.md, or a fault.
 */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { stringifyJson } from '../../src/spec/json.js';
import type { ManagerConfig } from '../support/manager-configs.js';
import { CONFIGS } from '../support/manager-configs.js';
import { EXECS, TERMINALS } from '../support/manager-execs.js';
import { EXPLAINED } from '../support/peer-differences.js';
import { usePlace } from './managers/support/place.js';

const PEERS = ['runc', 'crun'] as const;
const RUNTIMES = ['tsrun', ...PEERS] as const;
type Runtime = (typeof RUNTIMES)[number];

const place = usePlace({ programs: ['/usr/bin/crun', '/usr/sbin/runc'] });

/** The program of each container: a section for each matter. What it says does not depend on who asks. */
const LOOK = `#!/bin/busybox sh
[ -z "$1" ] || exec >"$1"
section() { echo "@@$1"; }
section mounts; cat /proc/$$/mountinfo
section status; grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Umask|SigIgn|SigCgt|Cpus_allowed_list|CoreDumping|THP)' /proc/$$/status
section limits; sed 's/  */ /g' /proc/$$/limits
section environment; tr '\\0' '\\n' </proc/$$/environ
section descriptors; for fd in /proc/$$/fd/*; do echo "\${fd##*/} $(readlink $fd)"; done
section cgroup; cat /proc/$$/cgroup
section cgroup-files; stat -c '%a %u %g %n' /sys/fs/cgroup /sys/fs/cgroup/cgroup.*
section oom; cat /proc/$$/oom_score_adj
section cwd; readlink /proc/$$/cwd; pwd; ls -ldn . | awk '{ print $1, $3, $4 }'
section names; hostname; cat /proc/sys/kernel/domainname
section sysctls; for name in net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range net/ipv4/ip_forward \\
  kernel/shm_rmid_forced kernel/msgmax fs/mqueue/msg_max; do echo $name $(cat /proc/sys/$name 2>&1); done
section ids; cat /proc/$$/uid_map /proc/$$/gid_map /proc/$$/setgroups
section devices; cd /dev; stat -c '%F %a %u %g %t %T %N' * pts/* shm mqueue; cd - >/dev/null
section root; stat -c '%F %a %u %g %n' /*
section time; cat /proc/$$/timens_offsets
section process; awk -v pid=$$ '{ print "pid 1:", pid == 1, "group leader:", $5 == pid, "session leader:", $6 == pid, "terminal:", $7, "nice:", $19, "policy:", $41 }' /proc/$$/stat; cat /proc/$$/comm; uname -m
section namespaces; for type in mnt net uts pid ipc cgroup user time; do echo $type $(readlink /proc/$$/ns/$type); done
section masked; for path in /proc/acpi /proc/kcore /proc/keys /proc/timer_list /sys/firmware /proc/scsi; do
  [ -e $path ] && echo "$path $(stat -c '%F %a %u %g' $path) $(cat $path 2>/dev/null | head -c 1 | wc -c) $(ls -A $path | wc -l)"; done
section writable; for path in / /dev /dev/shm /proc/sys/kernel/hostname /proc/sysrq-trigger /sys /sys/fs/cgroup /data /data/a /data/b /run /tmp; do
  [ -w $path ] && echo "$path"; done
section terminal; tty; stty size 2>&1; stty -a 2>/dev/null | grep -v ^speed | tr -s '; ' '\\n'; stat -c '%F %a %u %g %n' /dev/console $(tty) 2>/dev/null
section end
exit 7
`;

/** Holds the terminals that runtimes send it, unread. */
const HOLD = `require('net').createServer({ pauseOnConnect: true }).listen('/run/socket')`;

/** Runs each configuration by each runtime, one after the other in the same place. */
const SCRIPT = `
directory=\${PATH%%:*}
mkdir -p /run/host/directory/below /run/b/rootfs
for file in hosts hostname resolv.conf; do echo $file >/run/host/$file; done
mount -t tmpfs below /run/host/directory/below
chmod 755 /run /run/b
mkdir /run/pod && /bin/mount --bind --make-private /run/pod /run/pod
for type in network ipc uts; do : >/run/pod/$type; done
/usr/bin/unshare --net=/run/pod/network --ipc=/run/pod/ipc --uts=/run/pod/uts sh -c '
  hostname pod
  for type in net ipc uts; do echo "pod $type $(readlink /proc/self/ns/$type)"; done' || exit
for type in mnt net uts pid ipc cgroup user time; do echo "host $type $(readlink /proc/self/ns/$type)"; done
# crun may give this and the standard streams to the container's user.
mkdir /run/null && mount -t tmpfs -o mode=755 null /run/null
mknod -m 666 /run/null/null c 1 3 && /bin/mount --bind /run/null/null /dev/null
image() { find $layer/upper | sort | xargs stat -c '%F %a %u %g %n'; }
/run/node -e "${HOLD}" &
while [ ! -e /run/socket ]; do sleep .01; done
mkfifo /run/quiet
chmod 666 /run/socket /run/quiet
while read index owner user; do
  for runtime in ${RUNTIMES.join(' ')}; do
    layer=/run/layers/$index-$runtime
    mkdir -p $layer/upper $layer/work
    mount -t overlay -o lowerdir=$directory/rootfs,upperdir=$layer/upper,workdir=$layer/work overlay /run/b/rootfs
    [ $owner = 0 ] || chown -R $owner:$owner /run/b/rootfs
    image >/run/before
    chown 0:0 /dev/null
    rm -f /run/input /run/error && echo input >/run/input; : >/run/output; chmod 666 /run/output
    for file in config process; do
      rm -f /run/b/$file.json
      [ ! -e $directory/$file-$index.json ] || install -m 644 $directory/$file-$index.json /run/b/$file.json
    done
    echo "@@@$index $runtime"
    echo "cd /run/b; call='$runtime \${user:+--root /run/user/$owner/$runtime}'" >/run/command
    cat $directory/command-$index >>/run/command
    if [ "$user" ]; then /run/as-user /run/command; else sh /run/command; fi </run/input 2>/run/error | cat
    echo "@@error"; cat /run/error
    echo "@@streams"; stat -c '%n %a %u %g' /run/input /run/error
    echo "@@image"; image | grep -vxF -f /run/before
    echo "@@left"; find /sys/fs/cgroup -name c0ffee; ls /run/runc /run/crun /run/tsrun 2>/dev/null | grep c0ffee
    grep -c /run/b/rootfs /proc/self/mountinfo
    /bin/umount -R /run/b/rootfs
  done
done <$directory/list
`;

/** Of each section its lines, without what differs from one run to the next. */
function sectionsOf(text: string, owners: ReadonlyMap<string, string>): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  for (const part of text.split(/^@@/m).slice(1)) {
    const [name = '', ...lines] = part.trimEnd().split(/\r?\n/);
    sections.set(
      name,
      lines.map((line) => normal(name, line, owners)),
    );
  }
  return sections;
}

function normal(section: string, line: string, owners: ReadonlyMap<string, string>): string {
  switch (section) {
    case 'mounts': {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , root = '', target = '', options = '', ...tags] = before.split(' ');
      const shown = [root, target, options, ...tags.map((tag) => tag.replace(/:\d+/, ''))];
      return `${shown.join(' ')} - ${after.replace(/lowerdir=.*/, 'LAYERS')}`;
    }
    case 'namespaces': {
      const [type = '', link = ''] = line.split(' ');
      return `${type} ${owners.get(`${type} ${link}`) ?? 'its own'}`;
    }
    case 'descriptors':
      return line.replace(/\[\d+\]/, '[N]');
    case 'image':
      return line.replace(/\/run\/layers\/\d+-\w+\/upper/, '');
    default:
      return line.replaceAll('tsrun/helper', 'helper');
  }
}

interface Difference {
  config: string;
  peer: string;
  /** `mounts: - /proc ...`: what the peer has alone; `+`: what tsrun has alone. */
  text: string;
}

function differences(
  config: string,
  peer: string,
  ours: ReadonlyMap<string, string[]>,
  theirs: ReadonlyMap<string, string[]>,
): Difference[] {
  if (!theirs.has('end')) {
    const error =
      theirs
        .get('error')
        ?.join(' ')
        .replace(/^.*msg=/, '') ?? '';
    return [{ config, peer, text: `runs: - not: ${error}` }];
  }
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((section) => {
    const [mine, other] = [ours.get(section) ?? [], theirs.get(section) ?? []];
    return [
      ...other.filter((line) => !mine.includes(line)).map((line) => `${section}: - ${line}`),
      ...mine.filter((line) => !other.includes(line)).map((line) => `${section}: + ${line}`),
    ].map((text) => ({ config, peer, text }));
  });
}

/** Runs the configurations; what differs, and of which tsrun has not come to the program's end. */
async function compare(
  configs: readonly ManagerConfig[],
): Promise<{ found: Difference[]; failed: string[] }> {
  place.write('look', LOOK);
  configs.forEach(({ spec, document, command }, index) => {
    const number = index.toString();
    place.write(`config-${number}.json`, stringifyJson(spec, 1));
    if (document !== undefined) place.write(`process-${number}.json`, stringifyJson(document, 1));
    place.write(`command-${number}`, command ?? 'exec $call run c0ffee\n');
  });
  const rows = configs.map(({ spec, rootless }, index) => {
    const owner = spec.linux?.uidMappings?.[0]?.hostID ?? 0;
    return `${index.toString()} ${owner.toString()} ${rootless ? 'user' : ''}`;
  });
  place.write('list', `${rows.join('\n')}\n`);
  const { status, stdout, stderr } = await place.run(
    `ln -s '${process.execPath}' /run/node
    install -m 755 \${PATH%%:*}/look \${PATH%%:*}/rootfs/bin/look\n${SCRIPT}`,
  );
  expect(status, stderr).toBe(0);

  const [head = '', ...parts] = stdout.split(/^@@@/m);
  const owners = new Map(
    [...head.matchAll(/^(host|pod) (\S+ \S+)$/gm)].map(([, owner = '', link = '']) => [
      link,
      owner,
    ]),
  );
  expect(owners.size, head).toBe(8 + 3);
  const seen = new Map<string, Map<string, string[]>>();
  for (const part of parts) {
    const [, title = '', text = ''] = /^(.*)\n([^]*)$/.exec(part) ?? [];
    seen.set(title, sectionsOf(text, owners));
  }
  const found: Difference[] = [];
  const failed: string[] = [];
  configs.forEach(({ name }, index) => {
    const of = (runtime: Runtime): Map<string, string[]> =>
      seen.get(`${index.toString()} ${runtime}`) ?? new Map<string, string[]>();
    if (!of('tsrun').has('end')) failed.push(`${name}: ${of('tsrun').get('error')?.join() ?? ''}`);
    for (const peer of PEERS) found.push(...differences(name, peer, of('tsrun'), of(peer)));
  });

  return { found, failed };
}

test('every difference to runc and crun is explained', async () => {
  const parts = [await compare(CONFIGS), await compare([...TERMINALS, ...EXECS])];
  const found = parts.flatMap((part) => part.found);
  const unexplained = found.filter(
    ({ config, peer, text }) => !EXPLAINED.some((each) => explains(each, config, peer, text)),
  );
  expect([
    ...parts.flatMap((part) => part.failed),
    ...unexplained.map(({ config, peer, text }) => `${config} | ${peer} | ${text}`),
  ]).toEqual([]);
  // What does not differ any more is not explained either.
  const idle = EXPLAINED.filter(
    (each) =>
      each.kernel !== true &&
      !found.some(({ config, peer, text }) => explains(each, config, peer, text)),
  );
  expect(idle).toEqual([]);
}, 240_000);

function explains(
  { peers, configs, lines }: (typeof EXPLAINED)[number],
  config: string,
  peer: string,
  text: string,
): boolean {
  return (
    (peers as readonly string[]).includes(peer) &&
    (configs === undefined || configs.test(config)) &&
    lines.some((line) => line.test(text))
  );
}

test('docs/migrating.md has each of these explanations', () => {
  const page = readFileSync('docs/migrating.md', 'utf8').replaceAll(/\s+/g, ' ');
  for (const { page: words } of EXPLAINED) expect(page).toContain(words);
});
