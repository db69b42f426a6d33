#!/bin/sh
# Profiles: named parts of a configuration, merged into what `tsrun spec` writes,
# several of them, in the order in which they are given.
. "$(dirname "$0")/common.sh"

mkdir -p "$work/bundle" "$work/site"
busybox_image "$work/bundle/rootfs"
echo 'a page' >"$work/site/index.html"

cat >"$work/small.json" <<'PROFILE'
{
  "process": {
    "env": ["SIZE=small", "LANG=C.UTF-8"],
    "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 64, "hard": 64 }]
  },
  "annotations": { "org.example.size": "small" }
}
PROFILE

cat >"$work/web.json" <<PROFILE
{
  "process": { "env": ["ROLE=web"] },
  "mounts": [
    { "destination": "/www", "type": "bind", "source": "$work/site", "options": ["rbind", "ro"] }
  ],
  "hostname": "web"
}
PROFILE

say 'two profiles, and an option that has the last word'
tsrun spec --bundle "$work/bundle" --profile "$work/small.json" --profile "$work/web.json" \
  --env SIZE=tiny --tty=false -- \
  sh -c 'echo $SIZE $ROLE $LANG $(hostname) $(ulimit -n); cat /www/index.html; touch /www/x 2>&1'
status=0
tsrun run --bundle "$work/bundle" web >"$work/out" 2>&1 || status=$?
cat "$work/out"
expect 'tiny web C.UTF-8 web 64' "$(sed -n 1p "$work/out")"
expect 'a page' "$(sed -n 2p "$work/out")"
expect 1 "$status"

say 'null takes something away; what is not possible is refused, by name'
echo '{ "hostname": null }' >"$work/nameless.json"
rm "$work/bundle/config.json"
tsrun spec --bundle "$work/bundle" --profile "$work/web.json" --profile "$work/nameless.json"
expect '' "$(grep '"hostname"' "$work/bundle/config.json" || true)"
echo '{ "process": { "cwd": "relative" } }' >"$work/wrong.json"
rm "$work/bundle/config.json"
status=0
tsrun spec --bundle "$work/bundle" --profile "$work/wrong.json" 2>"$work/error" || status=$?
expect 1 "$status"
grep /process/cwd "$work/error"
