#!/bin/sh
# Launch from an image, list, exec, stop, delete: what `lxc launch`, `lxc list`,
# `lxc exec`, `lxc stop` and `lxc delete` are for, with tsrun alone.
. "$(dirname "$0")/common.sh"

# The image: a root file system in an archive, as `podman export` makes one too.
busybox_image "$work/rootfs"
tar -cf "$work/busybox.tar" -C "$work/rootfs" .

# launch IMAGE NAME [COMMAND...]
launch() {
  image=$1 name=$2
  shift 2
  mkdir -p "$work/$name/rootfs"
  tar -xpf "$image" -C "$work/$name/rootfs"
  tsrun spec --bundle "$work/$name" --hostname "$name" --tty=false --read-only=false -- "$@"
  # It goes on in the background: nothing of this terminal is left to it.
  tsrun run --detach --bundle "$work/$name" "$name" </dev/null >"$work/$name/log" 2>&1
}

say 'launch two containers from one image'
# The first process of a container has to end when it is asked to: a shell would not.
loop='trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 1 & wait $!; done'
launch "$work/busybox.tar" web sh -c "$loop"
launch "$work/busybox.tar" db sh -c "$loop"

say 'list'
tsrun list
expect 'db web' "$(tsrun list --quiet | sort | words cat)"

say 'exec: each has its own name, processes and files'
expect web "$(tsrun exec web hostname)"
tsrun exec web sh -c 'echo hello >/tmp/greeting'
expect hello "$(tsrun exec web cat /tmp/greeting)"
expect none "$(tsrun exec db sh -c 'cat /tmp/greeting 2>/dev/null || echo none')"
tsrun ps web

say 'stop'
tsrun kill web TERM
until tsrun state web | grep -q '"status": "stopped"'; do sleep 0.1; done
expect 'ready bye' "$(words cat "$work/web/log")"

say 'delete: web, which is stopped, and db, which runs'
tsrun delete web
tsrun delete --force db
expect '' "$(tsrun list --quiet)"
