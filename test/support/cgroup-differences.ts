/** Files of a container's cgroup that differ from those under runc and crun, and why (docs/migrating.md). */

import type { Explained } from './comparison.js';

const BOTH = ['runc', 'crun'] as const;

export const EXPLAINED: readonly Explained[] = [
  {
    page: '`cpu.shares` become another `cpu.weight`',
    peers: BOTH,
    configs: /cpu-shares|CRI/,
    lines: [/^(created|updated): [-+] cpu\.weight(\.nice)?:-?\d+$/],
  },
  {
    page: 'are no fault but the nearest value that the kernel takes',
    peers: BOTH,
    configs: /out of their range/,
    lines: [/^runs: - not: .*/],
  },
  {
    page: 'has no limit of processes without `pids.limit`',
    peers: BOTH,
    configs: /^systemd/,
    lines: [/^(created|updated): (- pids\.max:\d+|\+ pids\.max:max)$/],
  },
  {
    page: 'switches on the controllers that its limits need',
    peers: BOTH,
    configs: /^systemd/,
    lines: [
      /^(created|updated): [-+] (cgroup\.controllers:|parent )cpuset cpu io memory( hugetlb)? pids( rdma)?( misc)?$/,
      /^(created|updated): - hugetlb\.\dGB(\.rsvd)?\.max:max$/,
      /^(created|updated): - hugetlb\.\dMB(\.rsvd)?\.max:max$/,
    ],
  },
  {
    page: '`cpu.idle` and `cpu.burst` are obeyed',
    peers: ['runc'],
    configs: /idle/,
    lines: [/^created: [-+] cpu\.(idle|max\.burst|weight|weight\.nice):\d+$/],
  },
  {
    page: 'Under systemd the process is in the scope itself',
    peers: ['crun'],
    configs: /^systemd/,
    lines: [
      /^cgroup: [-+] 0::\/compared\.slice\/of-ID\.scope(\/container)?$/,
      /^(created|updated): - cgroup\.subtree_control:/,
    ],
  },
  // crun writes them to the cgroup of the process, for which systemd has no limits.
  {
    page: 'has all limits; with crun',
    peers: ['crun'],
    configs: /^systemd/,
    lines: [
      /^(created|updated): [-+] (cpu\.idle|memory\.oom\.group|hugetlb\.\d[GM]B(\.rsvd)?\.max):(\d+|max)$/,
      /^created: \+ io\.max:/,
      /^created: [-+] cpu\.weight(\.nice)?:\d+$/,
    ],
  },
  {
    page: 'switches on `rdma` too',
    peers: ['crun'],
    configs: /^cgroupfs/,
    lines: [
      /^(created|updated): [-+] (cgroup\.controllers:|parent )cpuset cpu io memory hugetlb pids( rdma)? misc$/,
    ],
  },
  {
    page: 'limit what is reserved of huge pages, too',
    peers: ['crun'],
    lines: [/^(created|updated): [-+] hugetlb\.\d[GM]B\.rsvd\.max:(0|max)$/],
  },
  {
    page: 'A `memory.swap` is memory and swap together under systemd too',
    peers: ['crun'],
    configs: /^systemd/,
    lines: [/^(created|updated): [-+] memory\.swap\.max:\d+$/],
  },
  {
    page: 'A `cpu.quota` of -1 is no limit under systemd too',
    peers: ['crun'],
    configs: /^systemd.*burstable/,
    lines: [/^created: [-+] cpu\.max:(1000|max) 100000$/],
  },
  {
    page: 'A `blockIO.weight` is the same `io.weight` under both managers',
    peers: ['crun'],
    configs: /^systemd.*blkio-weight/,
    lines: [/^created: [-+] io\.weight:default (4500|4950)$/],
  },
  {
    page: 'A limit of 0 for memory or pids is no limit',
    peers: ['crun'],
    configs: /best effort|limit of 0/,
    lines: [/^runs: - not: .*(memory limit could be too low|out of range)/],
  },
  {
    page: 'which v2 does not have, are ignored with a warning',
    peers: ['crun'],
    configs: /oom-kill-disable/,
    lines: [/^runs: - not: cannot disable OOM killer with cgroupv2$/],
  },
  {
    page: 'Limits of `rdma` are set',
    peers: ['crun'],
    configs: /rdma$/,
    lines: [/^runs: \+ not: tsrun: \/linux\/resources\/rdma\/mlx5_0: .*: no such device$/],
  },
];
