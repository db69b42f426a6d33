/** Operations of podman-compose. */

import type { Operation } from './operations.js';
import { SERVER } from './podman-pods.js';

const COMPOSE = `
services:
  web:
    image: localhost/busybox
    command: ${JSON.stringify(SERVER)}
    environment: { A: b }
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    read_only: true
    tmpfs: [/home]
    stop_signal: SIGKILL
  client:
    image: localhost/busybox
    depends_on: [web]
    command: sh -c 'until busybox wget -q -O - http://web/; do :; done 2>/dev/null; exec sleep 1000'
    stop_signal: SIGKILL
`;

const compose = `
        compose() { (cd $directory && podman-compose --podman-path $directory/podman -p $name "$@"); }`;

export const composing: readonly Operation[] = [
  {
    name: 'compose up -d',
    script: `${compose}
        printf '#!/bin/sh\\nexec %s "$@"\\n' "$podman" >$directory/podman
        chmod 755 $directory/podman
        cat >$directory/compose.yaml <<'END'
${COMPOSE}END
        compose up -d >$directory/said 2>&1 || cat $directory/said
        podman ps -q --no-trunc --filter name=$name | sort >$directory/ids
        $runtime list -q | grep -cxf $directory/ids`,
    prints: '2',
  },
  {
    name: 'compose logs, exec, stop, start, run',
    script: `${compose}
        logs() { compose logs client 2>&1 | grep -q page; }
        until_true logs
        compose exec -T web sh -c 'echo $A; grep CapEff /proc/self/status; touch /file; exit 3' 2>&1; echo $?
        compose stop client >/dev/null 2>&1; podman inspect -f '{{.State.Status}}' \${name}_client_1
        compose start client >/dev/null 2>&1; podman inspect -f '{{.State.Status}}' \${name}_client_1
        compose run --rm -T --no-deps client sh -c 'busybox wget -q -O - http://web/' 2>/dev/null`,
    prints:
      /^b\nCapEff:\t0000000000000400\ntouch: .*Read-only file system\n(.*\n)?3\nexited\nrunning\npage$/,
  },
  {
    name: 'compose down',
    script: `${compose}
        compose down >$directory/said 2>&1 || cat $directory/said
        podman ps -aq --filter name=$name; $runtime list -q | grep -cxf $directory/ids`,
    prints: '0',
    status: 1,
  },
];

/** Afterwards, whatever has failed. */
export const cleanUpComposing = `${compose}
  compose down -t 0 >/dev/null 2>&1
  rm -r $directory`;
