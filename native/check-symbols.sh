#!/bin/sh
# Fails when an object refers to a symbol that it does not define.
# usage: check-symbols.sh NM OBJECT
undefined=$("$1" --undefined-only "$2" | grep -v _GLOBAL_OFFSET_TABLE_)
[ -z "$undefined" ] && exit 0
echo "$2 must run without any library, but refers to:" >&2
echo "$undefined" >&2
exit 1
