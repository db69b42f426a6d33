#!/bin/sh
# Fails when name services of the C library are linked or would be called
# (getaddrinfo, getpw*, getgr*): a static executable has none.
# usage: check-names.sh NM FILE
names='getaddrinfo|getpw(nam|uid|ent)(_r)?|getgr(nam|gid|ent)(_r)?|gethostby[a-z0-9_]*|initgroups'
# A reference that stays open, and what only glibc's own functions bring along.
found=$("$1" "$2" | grep -E " U ($names)(@|$)| [TtWi] (__nss_[a-z_]*|__?nss_[a-z_]*_lookup[0-9]*)$")
[ -z "$found" ] && exit 0
echo "$2 must not use the C library's name services, but has:" >&2
echo "$found" >&2
exit 1
