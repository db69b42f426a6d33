#!/bin/sh
# A root file system in a plain directory, on an overlay, and on btrfs: the
# container gets a copy of the image that is its own, and the image stays as it is.
. "$(dirname "$0")/common.sh"

busybox_image "$work/image"

# launch NAME ROOTFS FILESYSTEM: writes to its root, and says what that is.
launch() {
  mkdir -p "$work/$1"
  ln -sfn "$2" "$work/$1/rootfs"
  tsrun spec --bundle "$work/$1" --tty=false --read-only=false -- \
    sh -c 'echo changed >/etc/motd; while read -r device target type rest; do
      [ "$target" = / ] && echo "$type"; done </proc/mounts'
  expect "$3" "$(tsrun run --bundle "$work/$1" "$1")"
  expect changed "$(cat "$2/etc/motd")"
  expect '' "$(cat "$work/image/etc/motd" 2>/dev/null || true)"
}

say 'a plain directory: a copy of the image'
cp -a "$work/image" "$work/copy"
launch plain "$work/copy" "$(stat -f -c %T "$work" | sed 's,^ext2/ext3$,ext4,;s,^overlayfs$,overlay,')"

say 'an overlay: the image below, what the container changes above'
mkdir "$work/upper" "$work/overlay-work" "$work/merged"
mount -t overlay -o "lowerdir=$work/image,upperdir=$work/upper,workdir=$work/overlay-work" \
  overlay "$work/merged"
undo "umount $work/merged"
launch overlay "$work/merged" overlay
expect "$work/upper/etc/motd" "$(find "$work/upper" -type f)"

say 'btrfs: a snapshot of the image, made in no time'
truncate -s 256M "$work/disk"
mkfs.btrfs --quiet "$work/disk"
mkdir "$work/btrfs"
[ -e /dev/loop-control ] || modprobe loop
mount -o loop "$work/disk" "$work/btrfs"
undo "umount $work/btrfs"
btrfs -q subvolume create "$work/btrfs/image"
cp -a "$work/image/." "$work/btrfs/image"
btrfs -q subvolume snapshot "$work/btrfs/image" "$work/btrfs/container"
launch btrfs "$work/btrfs/container" btrfs
expect 'no' "$([ -e "$work/btrfs/image/etc/motd" ] && echo yes || echo no)"
