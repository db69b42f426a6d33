#!/bin/sh
# Runs the native suite on the executable, from where every user can reach it.
set -eu
cd "$(dirname "$0")/.."

copy=$(mktemp -d /tmp/tsrun-executable.XXXXXX)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$copy"
cp dist/tsrun "$copy/"
TSRUN_CLI="$copy/tsrun" node_modules/.bin/vitest run --project native
