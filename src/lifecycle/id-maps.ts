/**
 * Writes the id maps of a new user namespace (user_namespaces(7)).
 *
 * The kernel lets us write them ourselves when we hold CAP_SETUID and
 * CAP_SETGID in our own user namespace, or when the map is one line that maps
 * our own id. For anything else there are the set-user-ID programs newuidmap
 * and newgidmap, which follow /etc/subuid and /etc/subgid.
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { ENOENT, X_OK } from '../native/constants.js';
import type { IdMapping } from '../plan/plan.js';
import { gidMapWriter, uidMapWriter } from '../namespaces/id-maps.js';
import { planProgram } from '../plan/hooks.js';
import { runProgram } from './program.js';

/** Who asks for the map. */
export interface IdMapCaller {
  uid: number;
  gid: number;
  effective: bigint;
  /** PATH, where newuidmap and newgidmap are looked for. */
  path: string | undefined;
}

export interface IdMapRequest extends IdMapCaller {
  pid: number;
  uidMappings: readonly IdMapping[];
  gidMappings: readonly IdMapping[];
}

/** @throws TsrunError ERR_PERMISSION when it is not permitted, ERR_SYSTEM */
export async function writeIdMaps(native: Native, request: IdMapRequest): Promise<void> {
  const { pid, uidMappings, gidMappings } = request;
  await writeMap(native, request, {
    file: `/proc/${pid}/uid_map`,
    pointer: '/linux/uidMappings',
    program: 'newuidmap',
    table: '/etc/subuid',
    mappings: uidMappings,
    direct: uidMapWriter(uidMappings, request) !== 'helper',
  });
  const gidWriter = gidMapWriter(gidMappings, request);
  if (gidWriter === 'self') denySetgroups(native, pid);
  await writeMap(native, request, {
    file: `/proc/${pid}/gid_map`,
    pointer: '/linux/gidMappings',
    program: 'newgidmap',
    table: '/etc/subgid',
    mappings: gidMappings,
    direct: gidWriter !== 'helper',
  });
}

/** Without it the kernel refuses an unprivileged gid_map: groups could be dropped to gain access. */
function denySetgroups(native: Native, pid: number): void {
  const written = native.writeText(`/proc/${pid}/setgroups`, 'deny');
  // Kernels before 3.19 have no such file and need none.
  if (written < 0 && written !== -ENOENT) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `/linux/gidMappings: cannot deny setgroups: ${native.strerror(-written)}`,
      { errno: -written, pointer: '/linux/gidMappings' },
    );
  }
}

interface MapFile {
  file: string;
  pointer: string;
  program: string;
  table: string;
  mappings: readonly IdMapping[];
  direct: boolean;
}

async function writeMap(native: Native, request: IdMapRequest, map: MapFile): Promise<void> {
  if (!map.direct) return runMapProgram(native, request, map);
  let text = '';
  for (const { containerID, hostID, size } of map.mappings) {
    text += `${containerID} ${hostID} ${size}\n`;
  }
  const written = native.writeText(map.file, text);
  if (written < 0) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `${map.pointer}: cannot write ${map.file}: ${native.strerror(-written)}`,
      { errno: -written, pointer: map.pointer },
    );
  }
}

async function runMapProgram(native: Native, request: IdMapRequest, map: MapFile): Promise<void> {
  const { pointer } = map;
  const path = findProgram(native, map.program, request.path);
  if (path === undefined) {
    throw new TsrunError(
      'ERR_PERMISSION',
      `${pointer}: cannot map these ids without privileges: ${map.program} is not in PATH (package uidmap on Debian, shadow-utils on Fedora)`,
      { pointer },
    );
  }
  const args = [map.program, String(request.pid)];
  for (const { containerID, hostID, size } of map.mappings) {
    args.push(String(containerID), String(hostID), String(size));
  }
  const result = await runProgram(native, {
    steps: planProgram({ path, args, env: [] }, pointer),
    input: '',
    timeoutMs: 0,
  });
  if (result.kind === 'exited' && result.exit.status === 0 && result.exit.signal === 0) return;
  let reason = result.output;
  if (result.kind === 'failed') throw result.error;
  if (reason === '' && result.kind === 'exited') reason = `exit status ${result.exit.status}`;
  throw new TsrunError(
    'ERR_PERMISSION',
    `${pointer}: ${map.program} failed (does ${map.table} allow these ids?): ${reason}`,
    { pointer },
  );
}

/** PATH when there is none: where distributions install the two. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function findProgram(native: Native, name: string, path = DEFAULT_PATH): string | undefined {
  for (const directory of path.split(':')) {
    if (!directory.startsWith('/')) continue;
    const file = `${directory}/${name}`;
    if (native.access(file, X_OK) >= 0) return file;
  }
  return undefined;
}
