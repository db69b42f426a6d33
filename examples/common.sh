# shellcheck shell=sh
# What the examples share: `. "$(dirname "$0")/common.sh"`. Not a program of its own.
#
#   TSRUN     the program (default: tsrun of PATH)
#   TMPDIR    where the work directory is made; overlay needs one that is not on an overlay

set -eu

# An example that a user can run says so: users=yes.
[ "$(id -u)" = 0 ] || [ "${users:-no}" = yes ] || {
  echo "$0: needs root" >&2
  exit 1
}
work=$(mktemp -d "${TMPDIR:-/tmp}/tsrun-example.XXXXXX")
chmod 755 "$work"
# Containers of their own, apart from those of the machine.
tsrun() { command "${TSRUN:-tsrun}" --root "$work/state" "$@"; }

# undo COMMAND...: at the end, the last one first, however the script ends.
undos=
undo() {
  undos="$*
$undos"
}
end() {
  status=$?
  set +e
  for id in $(tsrun list --quiet); do tsrun delete --force "$id"; done
  eval "$undos"
  rm -rf --one-file-system "$work"
  [ $status = 0 ] && echo "$0: done" || echo "$0: failed" >&2
  exit $status
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n== %s\n' "$*"; }

# words COMMAND...: what it prints, on one line.
words() { "$@" | tr -s ' \n' ' ' | sed 's/ $//'; }

# expect WANTED GOT: prints what was got, and ends the script when it is something else.
expect() {
  printf '%s\n' "$2"
  [ "$2" = "$1" ] || {
    printf 'expected: %s\n' "$1" >&2
    exit 1
  }
}

# busybox_image DIRECTORY: a small root file system.
busybox_image() {
  mkdir -p "$1/bin" "$1/dev" "$1/etc" "$1/proc" "$1/sys" "$1/tmp"
  cp "$(command -v busybox)" "$1/bin/busybox"
  # A hard link for each of its commands.
  "$1/bin/busybox" --install "$1/bin"
  echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
}
