/** linux.resources.pids → pids.max, a number of tasks. */

import type { LinuxPids } from '../../spec/types.js';
import type { CgroupWrite } from './write.js';

/**
 * Below zero is no limit. Zero is a limit since version 1.3.0 of the
 * specification, the same as 1: systemd cannot set less, and one process there
 * has to be. In a configuration of an earlier version zero is no limit, which
 * its callers mean by it (podman up to 5.4 writes it for -1).
 *
 * @param ociVersion of the configuration
 */
export function pidsWrites({ limit }: LinuxPids, at: string, ociVersion: string): CgroupWrite[] {
  const none = limit < 0 || (Number(limit) === 0 && isBefore13(ociVersion));
  return [
    {
      file: 'pids.max',
      value: none ? 'max' : String(Number(limit) === 0 ? 1 : limit),
      pointer: `${at}/limit`,
      ...(none ? { isDefault: true } : {}),
    },
  ];
}

function isBefore13(version: string): boolean {
  return /^1\.[0-2](\.|$)/.test(version);
}
