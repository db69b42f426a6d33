#!/bin/sh
# Runs the tests with real containers on the executable, from where every user
# can reach it. What is not about one host is left to the run on Node. Further
# arguments are vitest's.
set -eu
cd "$(dirname "$0")/.."

copy=$(mktemp -d /tmp/tsrun-executable.XXXXXX)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$copy"
cp dist/tsrun "$copy/"
TSRUN_CLI="$copy/tsrun" node_modules/.bin/vitest run --project native --project security \
  --exclude "test/native/{package,packages,prebuilt,bench,command-lines,executable,start,relink,migrating}.test.ts" "$@"
