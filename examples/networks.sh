#!/bin/sh
# Two containers on one bridge, and one that is on no network. tsrun joins a
# network namespace that is there; making it is the caller's part.
. "$(dirname "$0")/common.sh"

busybox_image "$work/rootfs"
bridge=tsrun-ex0
# Names of the machine's: free them first, if an earlier run was killed.
for name in tsrun-ex-a tsrun-ex-b; do ip netns delete "$name" 2>/dev/null || true; done
ip link delete "$bridge" 2>/dev/null || true

ip link add "$bridge" type bridge
undo "ip link delete $bridge"
ip link set "$bridge" up

# network NAME ADDRESS: a network namespace with one interface on the bridge.
network() {
  ip netns add "$1"
  undo "ip netns delete $1"
  ip link add "$1" type veth peer name eth0 netns "$1"
  ip link set "$1" master "$bridge" up
  ip -n "$1" address add "$2/24" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$1" link set lo up
}
network tsrun-ex-a 10.99.0.1
network tsrun-ex-b 10.99.0.2

# launch NAME NETWORK
launch() {
  mkdir -p "$work/$1"
  ln -s ../rootfs "$work/$1/rootfs"
  tsrun spec --bundle "$work/$1" --hostname "$1" --tty=false --network "$2" \
    --cap-add NET_RAW -- sleep 1000
  tsrun run --detach --bundle "$work/$1" "$1" </dev/null >/dev/null 2>&1
}
launch a /run/netns/tsrun-ex-a
launch b /run/netns/tsrun-ex-b
launch alone none

interfaces() { words tsrun exec "$1" ls /sys/class/net; }
# ping_from NAME ADDRESS: how many answers came.
ping_from() { tsrun exec "$1" ping -c 1 -W 1 "$2" 2>&1 | grep -c 'bytes from' || true; }

say 'a and b have an interface each, and reach each other'
expect 'eth0 lo' "$(interfaces a)"
expect 1 "$(ping_from a 10.99.0.2)"
expect 1 "$(ping_from b 10.99.0.1)"

say 'the third has loopback alone, and reaches nobody'
expect lo "$(interfaces alone)"
expect 1 "$(ping_from alone 127.0.0.1)"
expect 0 "$(ping_from alone 10.99.0.1)"
