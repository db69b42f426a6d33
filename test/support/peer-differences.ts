/** What a container's process sees otherwise than under runc and crun, and why (docs/migrating.md). */

import type { Explained } from './comparison.js';

const BOTH = ['runc', 'crun'] as const;

export const EXPLAINED: readonly Explained[] = [
  {
    page: 'shows other sources of cgroups and masks',
    peers: BOTH,
    lines: [
      /^mounts: [-+] \/ (\/proc\/acpi|\/sys\/firmware) ro,/,
      /^mounts: [-+] \/ \/sys\/fs\/cgroup r[ow],nosuid,nodev,noexec,relatime( shared| master)? - cgroup2 cgroup2? rw$/,
    ],
  },
  {
    page: 'is shared where `rootfsPropagation` says so',
    peers: ['runc'],
    configs: /rshared|Bidirectional/,
    lines: [/^mounts: [-+] \/ \/ r[ow],relatime( shared)? - overlay overlay rw,LAYERS$/],
  },
  {
    page: 'belongs to the root of a user namespace where its mount is writable',
    peers: BOTH,
    configs: /userns|user namespace|hostUsers|of other ids/,
    lines: [/^cgroup-files: [-+] \d+ \d+ \d+ \/sys\/fs\/cgroup(\/cgroup\.\w+)?$/],
  },
  {
    page: 'hands its own standard streams on',
    peers: ['runc'],
    lines: [/^descriptors: - [02] pipe:\[N\]$/, /^descriptors: \+ [02] \/run\//],
  },
  // Of runc's pipes nobody sees the owner.
  {
    page: 'hands its own standard streams on',
    peers: ['runc'],
    lines: [/^streams: [-+] \/run\/(input|error) 644 \d+ 0$/],
  },
  {
    page: 'The standard streams are given to the user of the process, as with runc',
    peers: ['crun'],
    lines: [/^streams: [-+] \/run\/(input|error) 644 \d+ \d+$/],
  },
  {
    page: '`/dev/core` is there',
    kernel: true,
    peers: ['runc'],
    lines: [/^devices: \+ symbolic link 777 0 0 0 0 'core' -> '\/proc\/kcore'$/],
  },
  {
    page: 'the group of a `mqueue`',
    peers: ['runc'],
    configs: /userns|user namespace|hostUsers|of other ids/,
    lines: [/^devices: [-+] directory 1777 0 (0|65534) 0 0 mqueue$/],
  },
  {
    page: 'A `sysfs` that is read-only is so by its mount alone',
    peers: ['runc'],
    lines: [
      /^mounts: [-+] \/ \/sys ro,nosuid,nodev,noexec,relatime( shared)? - sysfs sysfs r[ow]$/,
    ],
  },
  {
    page: 'A recursive `rootfsPropagation` goes for every mount',
    peers: ['runc'],
    configs: /Bidirectional/,
    lines: [/^mounts: \+ .* shared - /, /^mounts: - \S+ \S+ \S+ - /],
  },
  {
    page: '`linux.personality`, `domainname` and time namespaces',
    peers: ['runc'],
    configs: /personality|domainname|time namespace/,
    lines: [/^names: [-+] /, /^process: [-+] (i686|x86_64)$/, /^runs: - not: .*time/],
  },
  {
    page: 'targets of mounts that the image lacks',
    peers: ['crun'],
    lines: [
      /^(image|root): - directory 1755 /,
      /^(image|root): \+ directory 755 /,
      /^image: - regular empty file 700 /,
      /^image: \+ regular empty file 644 /,
    ],
  },
  {
    page: 'A bind mount without an option for it is a slave',
    peers: ['crun'],
    configs: /^(CRI-O|docker: -v$)/,
    lines: [
      /^mounts: [-+] (\/host\/|\/ \/data\/c\/below).*relatime( master)? - tmpfs (run|below) rw/,
    ],
  },
  {
    page: 'A masked file is the `/dev/null` of the container',
    peers: ['crun'],
    lines: [/^mounts: [-+] \/null \/proc\/(keys|timer_list) r[ow],/],
  },
  {
    page: 'Devices of a user namespace',
    peers: ['crun'],
    configs: /userns|user namespace|hostUsers|of other ids|rootless/,
    lines: [/^mounts: [-+] \/(null|zero|full|random|urandom|tty) \/dev\/\w+ rw,/],
  },
  {
    page: 'An `exec` has the out-of-memory score',
    peers: BOTH,
    configs: /exec/,
    lines: [/^oom: [-+] \d+$/],
  },
  {
    page: 'of a document without `rlimits` has those of the container',
    peers: BOTH,
    configs: /exec/,
    lines: [/^limits: [-+] Max (open files|processes) /],
  },
  {
    page: 'an `exec` without `--cwd` is in the directory of the container',
    peers: ['crun'],
    configs: /exec .*restricted/,
    lines: [/^cwd: [-+] \/(tmp)?$/],
  },
  {
    page: 'A `--user` of `exec` without a group',
    peers: ['crun'],
    configs: /exec --user(,| 1000( --cap CAP_NET_ADMIN)?$)/,
    lines: [
      /^status: [-+] (Uid|Gid|Groups|Cap(Inh|Prm|Eff|Bnd|Amb)):/,
      /^writable: - \//,
      /^environment: [-+] HOME=/,
    ],
  },
  {
    page: 'add to those of the container',
    peers: ['crun'],
    configs: /exec (--user 1000:2000|--cap)/,
    lines: [/^environment: \+ (PATH|HOSTNAME)=/, /^status: [-+] Cap(Bnd|Eff|Prm):/],
  },
  {
    page: 'an empty `env` stays empty',
    peers: ['crun'],
    configs: /exec of a document, without members/,
    lines: [/^environment: - (PATH|HOSTNAME)=/],
  },
  {
    page: '`/dev/console` is `nosuid` and `noexec`',
    peers: ['crun'],
    configs: /terminal/,
    lines: [/^mounts: [-+] \/0 \/dev\/console rw,/],
  },
  {
    page: 'has the size of the caller',
    peers: ['crun'],
    configs: /terminal/,
    lines: [/^terminal: \+ 33 77$/, /^terminal: - (41 99|stty: standard input: .*)$/],
  },
  {
    page: 'ends its lines with a newline alone',
    peers: ['crun'],
    configs: /terminal/,
    lines: [/^terminal: [-+] -?onlcr$/],
  },
  {
    page: 'the additional groups of the container and `noNewPrivileges`',
    peers: ['crun'],
    configs: /exec .*restricted/,
    lines: [/^status: [-+] (Groups|NoNewPrivs):/],
  },
  {
    page: 'An `exec` has the umask',
    peers: BOTH,
    configs: /exec .*(restricted|umask)/,
    lines: [/^status: (-|\+) Umask:\t(0022|0027|0077)$/],
  },
];
