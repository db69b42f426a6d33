#!/bin/sh
# Brings a checkout to the point where tsrun runs: packages, node_modules, build.
# Does only what is missing, so a second call takes no time and no network.
#
#   scripts/setup.sh demo    what building and running needs
#   scripts/setup.sh test    that, and what the test suite compares and checks with
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Package, and what it is for.
packages='
cmake|builds the native addon
make|builds the native addon
g++|builds the native addon
libc6-dev|headers of the C library for the native addon
linux-libc-dev|headers of the kernel for the native addon
libquickjs|the JavaScript engine of the executable
busybox-static|root file system of the example container
'
case "${1:-demo}" in
  demo) ;;
  test)
    packages="$packages"'
libcap2-bin|capsh, for the tests of a caller that lacks a capability
uidmap|newuidmap and newgidmap, for the tests of an unprivileged caller
crun|behaviour and speed are compared with it
runc|behaviour and speed are compared with it
clang-format-19|checks the layout of the C++ sources
clang-tidy-19|checks the C++ sources
'
    ;;
  *) die "usage: $0 [demo|test]" ;;
esac

# --- Node -------------------------------------------------------------------

command -v node >/dev/null || die 'needs Node 20.19 or later (node is not in PATH)'
command -v npm >/dev/null || die 'needs npm (it is not in PATH)'

# --- Debian packages --------------------------------------------------------

names=$(printf '%s' "$packages" | sed -n 's/|.*//p')
# shellcheck disable=SC2086 # one argument a package
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $names 2>/dev/null |
  sed -n 's/^installed //p') || true
missing=
for name in $names; do
  printf '%s\n' "$installed" | grep -qxF -e "$name" || missing="$missing $name"
done
if [ -n "$missing" ]; then
  say 'installs Debian packages:'
  for name in $missing; do
    printf '%s' "$packages" | sed -n "s/^$name|/  $name: /p"
  done
  [ "$(id -u)" = 0 ] || die "needs root for that; or run: apt-get install$missing"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # shellcheck disable=SC2086
  if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    die "cannot install:$missing"
  fi
  rm -f "$log"
fi

# --- node_modules -----------------------------------------------------------

# The stamps live in node_modules: a fresh one means a fresh build.
stamps=node_modules/.cache/tsrun

if [ ! -e node_modules/.package-lock.json ] ||
  [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say 'installs the packages of package-lock.json into node_modules (npm ci)'
  # No scripts: the one of this package would build the addon, which comes below.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
mkdir -p "$stamps"

# --- build ------------------------------------------------------------------

# stale STAMP PATH...: whether something under the paths is newer than the stamp.
stale() {
  stamp=$1
  shift
  [ ! -e "$stamp" ] ||
    [ -n "$(find "$@" \( -path 'native/build*' -o -path spec/generated \) -prune -o \
      ! -path native -newer "$stamp" -print -quit)" ]
}

# build WHAT OUTPUT PATH...: npm run build:WHAT where a path is newer than its last run.
# The stamp is dated to before the build: what changes meanwhile is built next time.
build() {
  what=$1
  output=$2
  shift 2
  if [ ! -e "$output" ] || stale "$stamps/$what" "$@"; then
    say "builds $output (npm run build:$what)"
    : >"$stamps/$what.new"
    if ! npm run --silent "build:$what" >"$stamps/$what.log" 2>&1; then
      cat "$stamps/$what.log" >&2
      die "npm run build:$what failed"
    fi
    mv "$stamps/$what.new" "$stamps/$what"
  fi
}

build spec spec/generated spec/*.json scripts/generate-spec.mjs
build ts dist/cli/main-node.js src tsconfig.json tsconfig.build.json "$stamps/spec"
build native native/build/Release/tsrun.node native CMakeLists.txt package.json
build executable dist/tsrun src spec/generated native CMakeLists.txt package.json \
  scripts/bundle-executable.mjs
