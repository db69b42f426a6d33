#!/bin/sh
# A directory of the host in a container with a user namespace, with the right
# owners on both sides: an idmapped mount. Without one the container's root,
# user 100000 of the host, would see files of nobody, and could not write.
. "$(dirname "$0")/common.sh"

# The container's ids are those of the host plus 100000 (--userns auto), and its
# root file system belongs to them.
mkdir -p "$work/bundle" "$work/shared"
busybox_image "$work/bundle/rootfs"
chown -hR 100000:100000 "$work/bundle/rootfs"

echo 'from the host' >"$work/shared/letter"
install -d -o 1000 -g 1000 "$work/shared/user"

share() {
  rm -f "$work/bundle/config.json"
  tsrun spec --bundle "$work/bundle" --userns auto --tty=false --bind "$1" \
    --cap-add CHOWN --cap-add DAC_OVERRIDE -- \
    sh -c "$2"
  tsrun run --bundle "$work/bundle" share
}
owners='stat -c "%u:%g %n" /shared/letter /shared/user'

say 'as it is: the owners have no name inside, and nothing can be written'
expect '65534:65534 /shared/letter
65534:65534 /shared/user' "$(share "$work/shared:/shared" "$owners")"
expect 'no' "$(share "$work/shared:/shared" '(echo x >/shared/x) 2>/dev/null && echo yes || echo no')"

say 'idmapped: inside the same owners as outside'
expect '0:0 /shared/letter
1000:1000 /shared/user' "$(share "$work/shared:/shared:idmap" "$owners")"

say 'and what is written inside belongs to the same users outside'
share "$work/shared:/shared:idmap" \
  'echo reply >/shared/reply; touch /shared/user/file; chown 1000:1000 /shared/user/file'
expect '0:0' "$(stat -c %u:%g "$work/shared/reply")"
expect '1000:1000' "$(stat -c %u:%g "$work/shared/user/file")"

say 'read-only'
expect 'Read-only file system' \
  "$(share "$work/shared:/shared:idmap,ro" 'touch /shared/x 2>&1 | sed "s/.*: //"')"
