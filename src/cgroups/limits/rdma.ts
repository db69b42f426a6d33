/**
 * linux.resources.rdma → rdma.max, one line a device
 * (Documentation/admin-guide/cgroup-v2.rst, "RDMA Interface Files").
 */

import { pointerToken } from '../../spec/problem.js';
import type { LinuxRdma } from '../../spec/types.js';
import type { CgroupWrite } from './write.js';

export function rdmaWrites(rdma: Readonly<Record<string, LinuxRdma>>, at: string): CgroupWrite[] {
  return Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => ({
    file: 'rdma.max',
    value: [
      device,
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ].join(' '),
    pointer: `${at}/${pointerToken(device)}`,
  }));
}
