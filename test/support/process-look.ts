/** What a container's process sees, and the script that shows it under each runtime (`beside-peers.test.ts`). */

import { RUNTIMES } from './comparison.js';

/** The program of each container: a section for each matter. What it says does not depend on who asks. */
export const LOOK = `#!/bin/busybox sh
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
export const SCRIPT = `
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

/** Without what differs from one run to the next; `owners` has the namespaces of the host and of the pod. */
export function normal(section: string, line: string, owners: ReadonlyMap<string, string>): string {
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
