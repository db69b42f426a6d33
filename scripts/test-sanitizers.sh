#!/bin/sh
# Runs the native suite, and the attacks, with the address and the undefined-behaviour sanitizers
# (dynamically linked, as they want it), and the binding's tests with valgrind.
#
#   scripts/test-sanitizers.sh build    the addon and the executable's host, into native/build-asan
#   scripts/test-sanitizers.sh node     the part of the suite that reaches every native call, on Node with that addon
#   scripts/test-sanitizers.sh quickjs  the suite and the attacks on the executable's host, on the same objects
#   scripts/test-sanitizers.sh          one after the other, to the end
#
# The helper and the code between clone and execve stay as they are: they have no
# library that a sanitizer could call.
set -eu
cd "$(dirname "$0")/.."

what=${1:-all}
case $what in
  build | node | quickjs) ;;
  all)
    sh "$0" build
    status=0
    sh "$0" node || status=1
    sh "$0" quickjs || status=1
    exit $status
    ;;
  *)
    echo "usage: $0 [build|node|quickjs]" >&2
    exit 1
    ;;
esac

if [ "$what" = build ]; then
  # compile TARGET OPTION...
  compile() {
    target=$1
    shift
    node_modules/.bin/cmake-js compile --config Release --target "$target" "$@" \
      >native/build-asan.log 2>&1 || {
      cat native/build-asan.log
      exit 1
    }
  }
  compile all --out native/build-asan --CDTSRUN_SANITIZE=ON
  compile tsrun-plain --out native/build-asan --CDTSRUN_SANITIZE=ON
  # For valgrind, which sees what the sanitizers do not: memory that was never written.
  compile tsrun-plain --out native/build
  exit
fi

# A tree of its own, so that the ordinary loader finds this addon; not below the
# checkout, which other users may not reach, as some tests do.
tree=$(mktemp -d /tmp/tsrun-sanitized.XXXXXX)
trap 'rm -rf "$tree"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$tree"

status=0
# suite [TESTS...]: every one of them runs, whatever came of those before. Managers make the same calls.
suite() {
  node_modules/.bin/vitest run --project native --exclude "test/native/{package,packages,prebuilt,bench,command-lines,executable,start}.test.ts" \
    --exclude "test/native/managers/**" "$@" || status=1
}

# plans NAME: objects that are no plans, on one host.
plans() {
  TSRUN_SANITIZED=1 node_modules/.bin/vitest run --project fuzz test/fuzz/plan-objects.test.ts \
    -t "$1" || status=1
}

# Leaks are not looked for on Node, which does not free what it has at its end.
node_options=detect_leaks=0:abort_on_error=1:handle_segv=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

if [ "$what" = node ]; then
  mkdir -p "$tree/native/build/Release" "$tree/node_modules"
  cp -r dist package.json spec "$tree/"
  cp native/build-asan/Release/tsrun.node "$tree/native/build/Release/"
  cp -r node_modules/commander "$tree/node_modules/"

  # The suite's own process stays clean; only the runtime under test is preloaded.
  preload=$(c++ -print-file-name=libasan.so):$(c++ -print-file-name=libubsan.so)
  command="$tree/tsrun-sanitized"
  cat >"$command" <<END
#!/bin/sh
export ASAN_OPTIONS=$node_options
export LD_PRELOAD=$preload
exec $(command -v node) $tree/dist/cli/main-node.js "\$@"
END
  chmod +x "$command"
  "$command" --version >/dev/null
  # The objects are those of the other host, on which the whole suite runs: here it
  # is what Node does with them, and every start of Node costs a second.
  set --
  for name in devices exec hooks idmap mounts namespaces process resources rootless seccomp \
    seccomp-listener terminal; do
    set -- "$@" "test/native/$name.test.ts"
  done
  TSRUN_CLI="$command" suite "$@"

  # The binding's own tests run inside the instrumented process.
  ASAN_OPTIONS=$node_options LD_PRELOAD="$preload" \
    TSRUN_ADDON="$PWD/native/build-asan/Release/tsrun.node" suite test/native/addon.test.ts
  ASAN_OPTIONS=$node_options LD_PRELOAD="$preload" \
    TSRUN_ADDON="$PWD/native/build-asan/Release/tsrun.node" node_modules/.bin/vitest run \
    --project security test/security/row-13-long-fields.test.ts || status=1
  plans 'on Node'
else
  # With its leaks: this host is taken down at the end.
  cp native/build-asan/tsrun-plain native/build-asan/chunks/chunks.bin "$tree/"
  TSRUN_PLAIN="$tree/tsrun-plain" suite test/native/binding.test.ts
  plans 'on QuickJS'
  TSRUN_VALGRIND=valgrind suite test/native/binding.test.ts
  TSRUN_SANITIZED=1 TSRUN_CLI="$tree/tsrun-plain $tree/chunks.bin" suite
  # But for what has less memory than the sanitizers map, and for the descriptors of the runtime
  # itself, of which this host has another: that of its chunks.
  TSRUN_SANITIZED=1 TSRUN_CLI="$tree/tsrun-plain $tree/chunks.bin" node_modules/.bin/vitest run \
    --project security \
    --exclude "test/security/{row-03-preserved-descriptors,row-19-huge-files,huge-documents}.test.ts" || status=1
fi
exit $status
