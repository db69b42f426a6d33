/** Putting a device program into force for a cgroup (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE). */

import { TsrunError } from '../../errors.js';
import { E2BIG, EACCES, EPERM } from '../../native/constants.js';
import type { Native } from '../../native/types.js';

/**
 * Loads the program and attaches it to the cgroup, which then keeps it.
 *
 * The kernel lets nobody do this without privileges in the initial user
 * namespace. A caller that cannot have them goes on without the rules and is
 * told so; the kernel makes no device nodes for such a caller either.
 *
 * @param privileged the caller is root in the initial user namespace: then a refusal is an error
 * @returns a warning when the rules are not in force
 * @throws TsrunError ERR_CGROUP
 */
export function attachDevices(
  native: Native,
  cgroupFd: number,
  program: Uint8Array,
  privileged: boolean,
): string | undefined {
  const programFd = native.loadDeviceProgram(program);
  if (programFd < 0) return refused(native, 'load', -programFd, privileged);
  const attached = native.attachDeviceProgram(cgroupFd, programFd, -1);
  native.close(programFd);
  if (attached < 0) return refused(native, 'attach', -attached, privileged);
  return undefined;
}

function refused(native: Native, what: string, errno: number, privileged: boolean): string {
  // The verifier's way of saying that it has seen a million instructions.
  const cause = errno === E2BIG ? 'too many rules' : native.strerror(errno);
  const reason = `cannot ${what} the device program: ${cause}`;
  if (!privileged && (errno === EPERM || errno === EACCES)) {
    return `/linux/resources/devices: the rules are not in force: ${reason}`;
  }
  const pointer = '/linux/resources/devices';
  throw new TsrunError('ERR_CGROUP', `${pointer}: ${reason}`, { errno, pointer });
}
