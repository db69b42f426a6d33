#!/bin/sh
# Runs the native suite on an addon that was built with the address and the
# undefined-behaviour sanitizers (dynamically linked, as they want it). The
# helper and the code between clone and execve stay as they are: they have no
# library that a sanitizer could call.
set -eu
cd "$(dirname "$0")/.."

for target in all tsrun-plain; do
  node_modules/.bin/cmake-js compile --out native/build-asan --config Release \
    --CDTSRUN_SANITIZE=ON --target "$target" >native/build-asan.log 2>&1 || {
    cat native/build-asan.log
    exit 1
  }
done

# A tree of its own, so that the ordinary loader finds this addon; not below the
# checkout, which other users may not reach, as some tests do.
tree=$(mktemp -d /tmp/tsrun-sanitized.XXXXXX)
trap 'rm -rf "$tree"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$tree"
mkdir -p "$tree/native/build/Release" "$tree/node_modules"
cp -r dist package.json spec "$tree/"
cp native/build-asan/Release/tsrun.node "$tree/native/build/Release/"
cp native/build-asan/tsrun-plain native/build-asan/chunks/chunks.bin "$tree/"
cp -r node_modules/commander "$tree/node_modules/"

# The suite's own process stays clean; only the runtime under test is preloaded.
preload=$(c++ -print-file-name=libasan.so):$(c++ -print-file-name=libubsan.so)
command="$tree/tsrun-sanitized"
cat >"$command" <<EOF
#!/bin/sh
# Leaks are not looked for: Node does not free what it has at its end.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LD_PRELOAD=$preload
exec $(command -v node) $tree/dist/cli/main-node.js "\$@"
EOF
chmod +x "$command"
"$command" --version >/dev/null

TSRUN_CLI="$command" node_modules/.bin/vitest run --project native
# The binding's own tests run inside the instrumented process.
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0 UBSAN_OPTIONS=halt_on_error=1 \
  LD_PRELOAD="$preload" TSRUN_ADDON="$PWD/native/build-asan/Release/tsrun.node" \
  node_modules/.bin/vitest run --project native test/native/addon.test.ts

# The executable's host, on the same objects, with its leaks: it is taken down at the end.
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
TSRUN_PLAIN="$tree/tsrun-plain" \
  node_modules/.bin/vitest run --project native test/native/binding.test.ts
TSRUN_CLI="$tree/tsrun-plain $tree/chunks.bin" \
  node_modules/.bin/vitest run --project native
