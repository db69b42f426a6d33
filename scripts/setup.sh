#!/bin/sh
# Brings a checkout to the point where tsrun runs: packages, node_modules, build.
# Does only what is missing, so a second call takes no time and no network.
#
#   scripts/setup.sh demo    what building and running needs
#   scripts/setup.sh quick   that, and what the tests that boot no virtual machine compare and check with
#   scripts/setup.sh test    that, and the virtual machine with the managers in it
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
libseccomp-dev|compiles the filters of system calls
libquickjs|the JavaScript engine of the executable
libsystemd-dev|sd-bus, over which systemd is asked for control groups
libcap-dev|that library refers to it
busybox-static|root file system of the example container
'
case "${1:-demo}" in
  demo) ;;
  quick | test)
    packages="$packages"'
libcap2-bin|capsh, for the tests of a caller that lacks a capability
uidmap|newuidmap and newgidmap, for the tests of an unprivileged caller
dbus-daemon|a message bus, for the tests of the binding
crun|behaviour and speed are compared with it
runc|behaviour and speed are compared with it
clang-format-19|checks the layout of the C++ sources
clang-tidy-19|checks the C++ sources
clang-19|builds the targets of libFuzzer
libclang-rt-19-dev|libFuzzer and the sanitizers for them
llvm-19|says which lines they run
valgrind|checks the use of memory in the host of the executable
groff-base|checks the manual pages
mandoc|checks the manual pages
strace|shows the system calls that are made behind a filter
'
    ;;
  *) die "usage: $0 [demo|quick|test]" ;;
esac

# --- Node -------------------------------------------------------------------

command -v node >/dev/null || die 'needs Node 20.19 or later (node is not in PATH)'
command -v npm >/dev/null || die 'needs npm (it is not in PATH)'

# --- Debian packages --------------------------------------------------------

# Of the list $1, the packages that are not installed: sets $missing.
find_missing() {
  names=$(printf '%s' "$1" | sed -n 's/|.*//p')
  # shellcheck disable=SC2086 # one argument a package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $names 2>/dev/null |
    sed -n 's/^installed //p') || true
  missing=
  for name in $names; do
    printf '%s\n' "$installed" | grep -qxF -e "$name" || missing="$missing $name"
  done
}

# quietly COMMAND...: its output only when it fails.
quietly() {
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    rm -f "$log"
    return 1
  }
  rm -f "$log"
}

# Installs what is $missing of the list $1.
install_missing() {
  say 'installs Debian packages:'
  for name in $missing; do
    printf '%s' "$1" | sed -n "s/^$name|/  $name: /p"
  done
  if [ "$(id -u)" != 0 ]; then
    say "needs root for that; or run: apt-get install$missing" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update && without_services install_packages
}

install_packages() {
  # shellcheck disable=SC2086
  quietly apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
}

# without_services COMMAND...: no daemon of a package is started meanwhile. Tests
# start theirs in the virtual machine, and this one is somebody's.
without_services() {
  policy=/usr/sbin/policy-rc.d
  if [ -e "$policy" ]; then
    "$@"
    return
  fi
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  status=0
  "$@" || status=$?
  rm -f "$policy"
  trap - EXIT HUP INT TERM
  return $status
}

find_missing "$packages"
if [ -n "$missing" ]; then
  install_missing "$packages" || die "cannot install:$missing"
fi

# --- virtual machine --------------------------------------------------------

# Package, and what it is for.
vm_packages='
qemu-system-x86|the virtual machine of test/vm
virtiofsd|gives that machine the file system of this one
kmod|loads its kernel modules
systemd|its first process
dbus|its message bus, over which systemd is asked for scopes
apparmor|loads profiles there: this kernel may have no AppArmor
podman|a manager that containers are run under, there and on this machine
podman-compose|runs compose files with podman
conmon|what podman starts the runtime from
netavark|networks of podman
aardvark-dns|names in networks of podman
nftables|what netavark makes its rules with
iptables|the same rules, for the port mappings of managers
passt|networks of podman without privileges
fuse-overlayfs|storage of podman without privileges, where the kernel has no overlay for it
catatonit|what podman --init starts first, and what holds a pod
dbus-user-session|the bus of a user, over which their systemd is asked for scopes
libpam-systemd|starts that systemd with the session of the user
containerd|a manager that containers are run under, by its client ctr and by its CRI plugin
containernetworking-plugins|networks of pods, and of ctr run --cni
docker.io|a manager that containers are run under
docker-cli|its client
docker-buildx|the plugin of its client that builds images with BuildKit
docker-compose|the plugin of its client that runs compose files
buildah|a manager that images are built with, in containers, there and on this machine
umoci|unpacks an image into a bundle for a runtime
checkpolicy|compiles the SELinux policy of a second machine
iproute2|networks of the examples
btrfs-progs|a root file system of the examples
mmdebstrap|makes the Debian that the examples boot
'
# Where test/vm/support/requirements.ts looks for it.
kernel=/var/cache/tsrun/kernel

# Debian's kernel for virtual machines, unpacked and not installed: that would
# make an initramfs, and hooks of this machine would run for a kernel it does not boot.
fetch_kernel() {
  package=$(apt-cache depends linux-image-cloud-amd64 |
    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p')
  [ -n "$package" ] || return 1
  (cd "$1" && apt-get -o APT::Sandbox::User=root download "$package") &&
    dpkg -x "$1"/*.deb "$1/kernel" &&
    ln -s usr/lib "$1/kernel/lib" &&
    /sbin/depmod -b "$1/kernel" "$(ls "$1/kernel/usr/lib/modules")"
}

unpack_kernel() {
  say "unpacks linux-image-cloud-amd64 to $kernel: the kernel of the virtual machine"
  mkdir -p "$(dirname "$kernel")" || return 1
  work=$(mktemp -d "$(dirname "$kernel")/new.XXXXXX") || return 1
  chmod 755 "$work"
  # The list of packages may be missing, or be of a kernel that is no longer there.
  if { fetch_kernel "$work" >/dev/null 2>&1 || {
    rm -rf "$work"/* && quietly apt-get update && quietly fetch_kernel "$work"
  }; }; then
    mv "$work/kernel" "$kernel"
    rm -rf "$work"
  else
    rm -rf "$work"
    return 1
  fi
}

# Where examples/system-container.sh looks for it.
debian=/var/cache/tsrun/debian.tar

make_debian() {
  say "makes $debian: a Debian with systemd, for system containers"
  work=$(mktemp -d "$(dirname "$debian")/new.XXXXXX") || return 1
  if quietly mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$work/debian.tar"; then
    mv "$work/debian.tar" "$debian"
    rm -rf "$work"
  else
    rm -rf "$work"
    return 1
  fi
}

# Where test/vm/managers/containerd.test.ts looks for the interface of the kubelet.
cri=/var/cache/tsrun/cri/api.proto

# One file of Debian's package of it: the package depends on forty others, that
# programs in Go would be compiled with.
fetch_cri() {
  (cd "$1" && apt-get -o APT::Sandbox::User=root download golang-github-kubernetes-cri-api-dev) &&
    dpkg -x "$1"/*.deb "$1/package"
}

unpack_cri() {
  say "unpacks the definition of the Container Runtime Interface to $cri"
  mkdir -p "$(dirname "$cri")" || return 1
  work=$(mktemp -d) || return 1
  # The list of packages may be missing, or be an old one.
  if { quietly fetch_cri "$work" || { quietly apt-get update && quietly fetch_cri "$work"; }; }; then
    cp "$work"/package/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto "$cri.new" &&
      mv "$cri.new" "$cri"
  fi
  rm -rf "$work"
  [ -e "$cri" ]
}

# Without it the tests in it are skipped, and say so.
set_up_vm() {
  if [ "$(dpkg --print-architecture)" != amd64 ]; then
    say 'no virtual machine for tests: it is for amd64' >&2
    return 1
  fi
  find_missing "$vm_packages"
  if [ -n "$missing" ]; then install_missing "$vm_packages" || return 1; fi
  if [ ! -e "$kernel" ]; then unpack_kernel || return 1; fi
  if [ ! -e "$debian" ]; then make_debian || say "goes on without $debian" >&2; fi
  if [ ! -e "$cri" ]; then unpack_cri || return 1; fi
}

if [ "${1:-demo}" = test ]; then
  set_up_vm || say 'goes on without the virtual machine: its tests will be skipped' >&2
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
    sed -n '/^The executable starts as the C library does/s/^/setup: /p' "$stamps/$what.log"
  fi
}

node scripts/link-inputs.mjs check | sed 's/^/setup: /'

build spec spec/generated spec/*.json scripts/generate-spec.mjs
build ts dist/cli/main-node.js src tsconfig.json tsconfig.build.json "$stamps/spec"
build native native/build/Release/tsrun.node native CMakeLists.txt package.json
build executable dist/tsrun src spec/generated native CMakeLists.txt package.json \
  scripts/bundle-executable.mjs
