/** What the tests of the Container Runtime Interface share. */

import { existsSync } from 'node:fs';
import { beforeAll, beforeEach, expect } from 'vitest';

import type { Guest } from '../../support/guest.js';
import { SHARE, useGuest } from '../../support/guest.js';
import { HANDLER, OWNER, startDaemons } from './daemons.js';
import { LEFT, WAIT_FOR } from './operations.js';

const PROTO = '/var/cache/tsrun/cri/api.proto';
/** Where the client listens that scripts call with `cri`. */
const PORT = 8765;

/** Functions of the shell for scripts of operations. */
export const CRI = `${WAIT_FOR}
  ${LEFT}
  ${OWNER}
  handler=$runtime
  [ $runtime != tsrun ] || handler=${HANDLER}
  # cri METHOD REQUEST; its response
  cri() { wget -qO- --post-data "$2" http://127.0.0.1:${PORT}/$1 && echo; }
  field() { sed -n -e '/^error/p' -e 's/.*"'$1'":"\\([^"]*\\)".*/\\1/p'; }
  # run_pod KEY SANDBOX: its id is kept in a file, and is what id_of KEY prints
  run_pod() {
    cri RunPodSandbox '{"config":'"$2"',"runtime_handler":"'$handler'"}' |
      field pod_sandbox_id | tee /run/$name.$1
  }
  # create KEY POD SANDBOX CONFIG: the same of a container in a pod
  create() {
    cri CreateContainer '{"pod_sandbox_id":"'$(id_of $2)'","config":'"$4"',"sandbox_config":'"$3"'}' |
      field container_id | tee /run/$name.$1
  }
  id_of() { cat /run/$name.$1; }
  # pod METHOD [KEY], and on METHOD KEY [MORE OF THE REQUEST]
  pod() { cri $1 '{"pod_sandbox_id":"'$(id_of \${2:-pod})'"}'; }
  on() { cri $1 '{"container_id":"'$(id_of $2)'"'"$3"'}'; }
  # stream METHOD KEY "MORE OF THE REQUEST" "MORE OF WHAT THE STREAM IS ASKED FOR"
  stream() { cri stream/$1 '{"request":{"container_id":"'$(id_of $2)'"'"$3"'}'"$4"'}'; }
  address_of() { pod PodSandboxStatus $1 | sed 's/.*"ip":"\\([^"]*\\)".*/\\1/'; }
  # exit_code KEY: when it has ended
  exit_code() {
    wait_for 'on ContainerStatus '$1' | grep -q CONTAINER_EXITED'
    on ContainerStatus $1 | grep -o '"exit_code":[0-9]*'
  }
  # The names, of the pod that comes first too.
  metadata() { echo '"metadata":{"name":"'$name-$1'","uid":"'$name-$1'","namespace":"default","attempt":0}'; }
  image='"image":{"image":"localhost/busybox:latest"}'`;

/** Ends the pods of a scenario whose keys these are, and forgets the files. */
export function cleanUpPods(...keys: string[]): string {
  const end = keys.map(
    (key) =>
      `[ ! -s /run/$name.${key} ] || { pod StopPodSandbox ${key}; pod RemovePodSandbox ${key}; }`,
  );
  return [...end, 'rm -rf /run/$name.*'].join('\n');
}

/** For the top of a test file: containerd, and a client of its interface, that stay until the guest ends. */
export function useCri(): Guest {
  const guest = useGuest();
  beforeEach((context) => {
    context.skip(!existsSync(PROTO), `needs ${PROTO} (scripts/setup.sh puts it there)`);
  });
  beforeAll(async () => {
    if (!existsSync(PROTO)) return;
    await startDaemons(guest);
    const prepared = await guest.run(`set -e
      [ ! -e /run/cri/pid ] || exit 0
      mkdir -p /run/cri
      sed '/gogo.proto"/d' ${PROTO} >/run/cri/api.proto
      mkfifo /run/cri/ready
      node ${SHARE}/cri-server.cjs /run/cri/api.proto /run/containerd/containerd.sock ${PORT} \\
        >/run/cri/ready 2>/run/cri/log &
      pid=$!
      read -r line </run/cri/ready || cat /run/cri/log >&2
      ${CRI}
      wait_for 'cri ListImages "{}" | grep localhost/busybox | grep -q localhost/pause'
      echo $pid >/run/cri/pid`);
    expect(prepared, prepared.stderr).toMatchObject({ status: 0, stdout: '' });
  });
  return guest;
}
