#!/bin/sh
# Fails when the Node-API layer has a function that the addon does not want, or the reverse.
# usage: check-napi.sh NM OBJECT...
nm=$1
shift
wanted=$("$nm" --undefined-only "$@" | sed -n 's/.* U \(napi_\)/\1/p' | grep -v register_module | sort -u)
defined=$("$nm" --defined-only --extern-only "$@" | sed -n 's/.* T \(napi_\)/\1/p' | grep -v register_module | sort -u)
[ "$wanted" = "$defined" ] && exit 0
echo "the addon wants and the layer defines different functions (< wanted, > defined):" >&2
printf '%s\n' "$wanted" >"$0.wanted.$$"
printf '%s\n' "$defined" | diff "$0.wanted.$$" - >&2
rm -f "$0.wanted.$$"
exit 1
