/**
 * linux.seccomp.listenerPath: who answers the calls of SCMP_ACT_NOTIFY gets
 * the descriptor for that, and the container process state (config-linux.md,
 * "The Container Process State").
 */

import { TsrunError } from '../errors.js';
import { EAGAIN, POLLOUT } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { delay, waitFor } from '../native/wait.js';
import type { ContainerState } from '../state/state.js';

/** How long somebody who does not take what is sent may take. */
const TIMEOUT_NS = 10e9;
const RETRY_MS = 20;

/** The process that the filter is in. */
export interface Filtered {
  pid: number;
  /** State of its container as JSON (runtime.md, State). */
  state: string;
}

/**
 * Sends the descriptor, which stays the caller's to close.
 *
 * @throws TsrunError ERR_SECCOMP
 */
export async function sendListener(
  native: Native,
  { ociVersion, seccomp }: Pick<ContainerState, 'ociVersion' | 'seccomp'>,
  fd: number,
  { pid, state }: Filtered,
): Promise<void> {
  const { path = '', metadata } = seccomp ?? {};
  const deadline = native.monotonicNs() + TIMEOUT_NS;
  const socket = await connect(native, path, deadline);
  try {
    native.setNonblocking(socket, true);
    // Metadata that is not there leaves no member.
    const head = JSON.stringify({ ociVersion, fds: ['seccompFd'], pid, metadata });
    const text = ascii(`${head.slice(0, -1)},"state":${state}}`);
    const attempt = (): number => native.sendFd(socket, text, fd);
    let sent = await retry(native, path, socket, deadline, attempt);
    // A stream takes as much as there is room for; the descriptor went with the first part.
    while (sent < text.length) {
      const rest = Uint8Array.from(text.slice(sent), (char) => char.charCodeAt(0));
      sent += await retry(native, path, socket, deadline, () => native.writeSome(socket, rest));
    }
  } finally {
    native.close(socket);
  }
}

async function connect(native: Native, path: string, deadline: number): Promise<number> {
  for (;;) {
    const socket = native.connectUnix(path);
    if (socket >= 0) return socket;
    // Only of a backlog that is full, for whose end there is no event.
    if (socket !== -EAGAIN || native.monotonicNs() >= deadline) {
      throw failed(native, path, 'connect to', socket);
    }
    await delay(native, RETRY_MS);
  }
}

async function retry(
  native: Native,
  path: string,
  socket: number,
  deadline: number,
  attempt: () => number,
): Promise<number> {
  for (;;) {
    const taken = attempt();
    if (taken >= 0) return taken;
    const leftMs = Math.ceil((deadline - native.monotonicNs()) / 1e6);
    if (taken !== -EAGAIN || leftMs <= 0) throw failed(native, path, 'send to', taken);
    await waitFor(native, socket, POLLOUT, leftMs);
  }
}

function failed(native: Native, path: string, what: string, error: number): TsrunError {
  const pointer = '/linux/seccomp/listenerPath';
  return new TsrunError(
    'ERR_SECCOMP',
    `${pointer}: cannot ${what} ${path}: ${native.strerror(-error)}`,
    { errno: -error, pointer },
  );
}

/** JSON in ASCII: as many bytes as characters. */
function ascii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
