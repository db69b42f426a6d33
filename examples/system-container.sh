#!/bin/sh
# A whole Debian in a container, with systemd as its first process: privileged,
# where its root is the host's, and unprivileged, where its root is user 100000.
# One setting makes the difference.
#
#   system-container.sh [privileged|unprivileged]    (default: both, one after the other)
#   IMAGE   archive of the root file system (default: /var/cache/tsrun/debian.tar)
. "$(dirname "$0")/common.sh"

image=${IMAGE:-/var/cache/tsrun/debian.tar}
[ -e "$image" ] || {
  mkdir -p "$(dirname "$image")"
  mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus trixie "$image"
}
mkdir "$work/image"
tar -xpf "$image" -C "$work/image"

# root NAME [MAP]: a root file system at $work/NAME/rootfs: the image below, what the
# container changes above. MAP maps the owners of the image's files to the container's.
root() {
  mkdir -p "$work/$1/rootfs" "$work/$1/image" "$work/$1/upper" "$work/$1/overlay-work"
  mount --bind ${2:+-o X-mount.idmap="$2"} "$work/image" "$work/$1/image"
  undo "umount $work/$1/image"
  [ -z "${2:-}" ] || chown 100000:100000 "$work/$1/upper"
  mount -t overlay -o "lowerdir=$work/$1/image,upperdir=$work/$1/upper,workdir=$work/$1/overlay-work" \
    overlay "$work/$1/rootfs"
  undo "umount $work/$1/rootfs"
}

# boot NAME [OPTION OF tsrun spec...]
boot() {
  name=$1
  shift
  tsrun spec --bundle "$work/$name" --system --hostname "$name" --memory 512M "$@"
  # In the foreground of a job, so that it can be waited for.
  tsrun run --bundle "$work/$name" "$name" </dev/null >"$work/$name/log" 2>&1 &
  job=$!
  until tsrun exec "$name" test -S /run/dbus/system_bus_socket 2>/dev/null; do
    kill -0 $job 2>/dev/null || {
      cat "$work/$name/log" >&2
      exit 1
    }
    sleep 0.2
  done
  expect running "$(tsrun exec "$name" systemctl is-system-running --wait)"
}

look_around() {
  say "$1: systemctl and journalctl"
  tsrun exec "$1" systemctl list-units --type=service --state=running --no-legend --plain
  tsrun exec "$1" sh -c 'systemd-cat --identifier=example echo "hello, journal"; journalctl --sync'
  expect 'hello, journal' "$(tsrun exec "$1" journalctl --boot --output=cat --identifier=example)"

  say "$1: a service with a limit of its own, below that of the container"
  tsrun exec "$1" systemd-run --quiet --unit=limited -p MemoryMax=32M -p TasksMax=10 sleep infinity
  expect '33554432 10' "$(echo $(tsrun exec "$1" sh -c \
    'cat /sys/fs/cgroup/system.slice/limited.service/memory.max \
      /sys/fs/cgroup/system.slice/limited.service/pids.max'))"
  tsrun exec "$1" systemctl stop limited

  say "$1: who its root is on the host"
  pid=$(tsrun state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
  expect "$2" "$(stat -c %u "/proc/$pid")"
  tsrun exec "$1" sh -c 'echo kept >/root/note'
}

shut_down() {
  say "$1: SIGRTMIN+3 has systemd shut down in order"
  tsrun kill "$1" RTMIN+3
  # systemd ends, or asks the kernel for a power-off, which ends it by SIGINT.
  status=0
  wait $job || status=$?
  expect "$2" "$status"
  expect '' "$(tsrun list --quiet)"
  say "$1: its state is still there"
  expect kept "$(cat "$work/$1/rootfs/root/note")"
}

case ${1:-both} in privileged | unprivileged | both) ;; *)
  echo "usage: $0 [privileged|unprivileged]" >&2
  exit 2
  ;;
esac

if [ "${1:-both}" != unprivileged ]; then
  root privileged
  boot privileged
  look_around privileged 0
  shut_down privileged 0
fi

if [ "${1:-both}" != privileged ]; then
  root unprivileged b:0:100000:65536
  boot unprivileged --userns auto
  look_around unprivileged 100000
  shut_down unprivileged 130
fi
