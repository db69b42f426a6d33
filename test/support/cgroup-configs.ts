/**
 * Limits as managers write them into `linux.resources`, and what `update` gets later: made from their
 * documentation and from what they write on this machine.
 */

import type { LinuxResources } from '../../src/spec/types.js';

export interface LimitedConfig {
  name: string;
  resources: LinuxResources;
  /** For `update --resources`. */
  update?: LinuxResources;
}

const MIB = 1 << 20;

/** @param disk major and minor number of a block device */
export function limitedConfigs([major, minor]: readonly [number, number]): LimitedConfig[] {
  return [
    { name: 'docker: as it is', resources: {} },
    {
      name: 'docker: --memory --memory-reservation --cpus --pids-limit',
      resources: {
        memory: { limit: 64 * MIB, swap: 128 * MIB, reservation: 32 * MIB },
        cpu: { quota: 150_000, period: 100_000 },
        pids: { limit: 100 },
      },
      update: {
        memory: { limit: 96 * MIB, swap: 96 * MIB },
        cpu: { quota: 50_000, period: 50_000 },
        pids: { limit: 50 },
      },
    },
    {
      name: 'docker: --memory-swap -1 --pids-limit -1 --cpu-shares --cpuset-cpus --cpuset-mems',
      resources: {
        memory: { limit: 64 * MIB, swap: -1 },
        cpu: { shares: 512, cpus: '0', mems: '0' },
        pids: { limit: -1 },
      },
      update: { memory: { limit: -1, swap: -1 }, cpu: { shares: 1024, cpus: '0-1' } },
    },
    {
      name: 'docker: --blkio-weight --device-read-bps --device-write-iops',
      resources: {
        blockIO: {
          weight: 500,
          throttleReadBpsDevice: [{ major, minor, rate: MIB }],
          throttleWriteIOPSDevice: [{ major, minor, rate: 100 }],
        },
      },
    },
    {
      name: 'containerd CRI: guaranteed',
      resources: {
        memory: { limit: 64 * MIB, swap: 64 * MIB },
        cpu: { shares: 1024, quota: 100_000, period: 100_000, cpus: '1' },
        hugepageLimits: [
          { pageSize: '2MB', limit: 0 },
          { pageSize: '1GB', limit: 0 },
        ],
        unified: { 'memory.oom.group': '1' },
      },
      update: {
        memory: { limit: 128 * MIB, swap: 128 * MIB },
        cpu: { shares: 2048, quota: 200_000, period: 100_000 },
      },
    },
    {
      name: 'containerd CRI: burstable, with the quality of service of memory',
      resources: {
        memory: { limit: 64 * MIB },
        cpu: { shares: 204, period: 100_000, quota: -1 },
        unified: { 'memory.high': String(48 * MIB), 'memory.min': String(16 * MIB) },
      },
      update: { cpu: { shares: 307, quota: 30_000, period: 100_000 } },
    },
    {
      name: 'containerd CRI: best effort',
      resources: { cpu: { shares: 2 }, pids: { limit: 0 } },
      update: { pids: { limit: 0 } },
    },
    {
      name: 'podman: its limit of pids, --cgroup-conf',
      resources: {
        pids: { limit: 2048 },
        unified: { 'memory.high': String(48 * MIB), 'cpu.weight': '321' },
      },
      update: { pids: { limit: -1 } },
    },
    {
      name: 'podman: --memory-swappiness --oom-kill-disable',
      resources: { memory: { limit: 64 * MIB, swappiness: 10, disableOOMKiller: true } },
    },
    {
      name: 'CRI-O: idle, with a burst',
      resources: { cpu: { idle: 1, quota: 50_000, period: 100_000, burst: 10_000 } },
    },
    {
      name: 'a weight and shares out of their range',
      resources: { cpu: { shares: 500_000 }, blockIO: { weight: 5 } },
    },
    {
      name: 'rdma',
      resources: { rdma: { mlx5_0: { hcaHandles: 2, hcaObjects: 2000 } } },
    },
    {
      name: 'a unified file that there is not',
      resources: { unified: { 'memory.nonsense': '1' } },
    },
    { name: 'a memory limit of 0', resources: { memory: { limit: 0 } } },
  ];
}
