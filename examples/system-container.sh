#!/bin/sh
# A whole Debian in a container, with systemd as its first process. One setting says
# whose it is:
#
#   privileged     its root is the host's
#   unprivileged   its root is user 100000 of the host
#   rootless       its root is the user who calls this, who needs no privileges:
#                  a session (systemd --user) and ids in /etc/subuid are enough
#
#   system-container.sh [KIND]    (default: the first two; of a user, the third)
#   IMAGE   archive of the root file system (default: /var/cache/tsrun/debian.tar)
users=yes
. "$(dirname "$0")/common.sh"

image=${IMAGE:-/var/cache/tsrun/debian.tar}
[ -e "$image" ] || {
  mkdir -p "$(dirname "$image")"
  mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus trixie "$image"
}

# root NAME [MAP]: a root file system at $work/NAME/rootfs: the image below, what the
# container changes above. MAP maps the owners of the image's files to the container's.
root() {
  [ -d "$work/image" ] || { mkdir "$work/image" && tar -xpf "$image" -C "$work/image"; }
  mkdir -p "$work/$1/rootfs" "$work/$1/image" "$work/$1/upper" "$work/$1/overlay-work"
  mount --bind ${2:+-o X-mount.idmap="$2"} "$work/image" "$work/$1/image"
  undo "umount $work/$1/image"
  [ -z "${2:-}" ] || chown 100000:100000 "$work/$1/upper"
  mount -t overlay -o "lowerdir=$work/$1/image,upperdir=$work/$1/upper,workdir=$work/$1/overlay-work" \
    overlay "$work/$1/rootfs"
  undo "umount $work/$1/rootfs"
}

# as_root_inside COMMAND...: with the ids that the container will have. Its device nodes are tsrun's part.
as_root_inside() { unshare --map-root-user --map-auto "$@"; }
own_root() {
  mkdir -p "$work/$1/rootfs"
  undo "as_root_inside rm -rf $work/$1/rootfs"
  as_root_inside tar -xpf "$image" -C "$work/$1/rootfs" --exclude='./dev/*'
}

# configure NAME [OPTION OF tsrun spec...]
configure() {
  name=$1
  shift
  tsrun spec --bundle "$work/$name" --system --hostname "$name" --memory 512M "$@"
}

# boot NAME [OPTION OF tsrun...]
boot() {
  name=$1
  shift
  # In the foreground of a job, so that it can be waited for.
  tsrun "$@" run --bundle "$work/$name" "$name" </dev/null >"$work/$name/log" 2>&1 &
  job=$!
  until tsrun exec "$name" test -S /run/dbus/system_bus_socket 2>/dev/null; do
    kill -0 $job 2>/dev/null || {
      cat "$work/$name/log" >&2
      exit 1
    }
    sleep 0.2
  done
  expect running "$(tsrun exec "$name" systemctl is-system-running --wait)"
  expect '' "$(tsrun exec "$name" systemctl --failed --no-legend)"
}

# look_around NAME UID
look_around() {
  say "$1: who its root is on the host"
  pid=$(tsrun state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
  expect "$2" "$(stat -c %u "/proc/$pid")"

  say "$1: systemctl and journalctl"
  tsrun exec "$1" systemctl list-units --type=service --state=running --no-legend --plain
  tsrun exec "$1" sh -c 'systemd-cat --identifier=example echo "hello, journal"; journalctl --sync'
  expect 'hello, journal' "$(tsrun exec "$1" journalctl --boot --output=cat --identifier=example)"

  say "$1: a service with a limit of its own, below that of the container"
  tsrun exec "$1" sh -c 'cat >/etc/systemd/system/limited.service' <<'UNIT'
[Service]
ExecStart=sleep infinity
MemoryMax=32M
TasksMax=10
[Install]
WantedBy=multi-user.target
UNIT
  tsrun exec "$1" systemctl enable --quiet --now limited
  expect '33554432 10' "$(limits "$1")"
}

limits() {
  words tsrun exec "$1" sh -c 'cd /sys/fs/cgroup/system.slice/limited.service && cat memory.max pids.max'
}

# shut_down NAME STATUS
shut_down() {
  say "$1: SIGRTMIN+3 has systemd shut down in order"
  tsrun kill "$1" RTMIN+3
  # systemd ends, or asks the kernel for a power-off, which ends it by SIGINT.
  status=0
  wait $job || status=$?
  expect "$2" "$status"
  expect '' "$(tsrun list --quiet)"
}

# twice NAME UID STATUS [OPTION OF tsrun...]: what there is after the first boot is there in the second.
twice() {
  name=$1 uid=$2 ends=$3
  shift 3
  say "$name: boots"
  boot "$name" "$@"
  look_around "$name" "$uid"
  machine=$(tsrun exec "$name" cat /etc/machine-id)
  tsrun exec "$name" sh -c 'echo kept >/root/note'
  shut_down "$name" "$ends"

  say "$name: boots again: same machine, same files, the same journal, and the service is up"
  boot "$name" "$@"
  expect "$machine" "$(tsrun exec "$name" cat /etc/machine-id)"
  expect kept "$(tsrun exec "$name" cat /root/note)"
  expect 'hello, journal' "$(tsrun exec "$name" journalctl --output=cat --identifier=example)"
  expect active "$(tsrun exec "$name" systemctl is-active limited)"
  expect '33554432 10' "$(limits "$name")"
  shut_down "$name" "$ends"
}

kinds=${1:-$([ "$(id -u)" = 0 ] && echo privileged unprivileged || echo rootless)}
for kind in $kinds; do
  case $kind in
    privileged)
      root privileged
      configure privileged
      twice privileged 0 0
      ;;
    unprivileged)
      root unprivileged b:0:100000:65536
      configure unprivileged --userns auto
      twice unprivileged 100000 130
      ;;
    rootless)
      own_root rootless
      configure rootless --rootless --userns auto
      # A scope of the user's systemd: there the container may have limits.
      twice rootless "$(id -u)" 130 --systemd-cgroup
      ;;
    *)
      echo "usage: $0 [privileged|unprivileged|rootless]" >&2
      exit 2
      ;;
  esac
done
