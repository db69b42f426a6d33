/** The words of help. A command, an option or an argument without its text does not compile. */

import type { CommandName, Options, GlobalOptions } from './table.js';

interface CommandText<C extends CommandName> {
  summary: string;
  more?: string;
  options: Record<keyof Options<C>, string>;
}

const HELP = { help: 'show this' };
const FORMAT = { format: 'table or json' };
const PROCESS = {
  'console-socket': 'unix socket that gets the master of the terminal',
  'pid-file': 'file that gets the process id',
  'preserve-fds': 'leave N more descriptors open, behind 0 to 2 and those of LISTEN_FDS',
};
const BUNDLE = { bundle: 'bundle directory (default: the current one)' };
const NEW_CONTAINER = {
  ...BUNDLE,
  ...PROCESS,
  'pidfd-socket': 'unix socket that gets a pidfd of the process',
  'no-pivot': 'do not pivot_root: for a root file system on a ramdisk',
  'no-new-keyring': 'keep the session keyring of the caller',
};
const CRIU = {
  'image-path': 'directory of the image files',
  'work-path': 'directory of logs and work files',
  'tcp-established': 'allow established TCP connections',
  'ext-unix-sk': 'allow unix sockets that are connected to the outside',
  'shell-job': 'allow a terminal that is not the container\u2019s own',
  'lazy-pages': 'move memory when it is used',
  'file-locks': 'handle file locks',
  'manage-cgroups-mode': 'soft, full, strict or ignore',
  'empty-ns': 'namespace that is made but not filled',
  'auto-dedup': 'free image memory that is no longer needed',
};

export const globalTexts: Record<keyof GlobalOptions, string> = {
  root: 'directory of the state (default: /run/tsrun, or $XDG_RUNTIME_DIR/tsrun)',
  log: 'file that the log is appended to (default: standard error)',
  'log-format': 'text or json (default: text)',
  debug: 'log more',
  'systemd-cgroup': 'let systemd manage the control groups',
  'cgroup-manager':
    'who makes the control groups: cgroupfs (the default), systemd, or nobody: disabled',
  'protect-host-cgroups': 'give no container the control groups of the host for writing',
  rootless: 'whether missing rights on control groups are ignored: true, false or auto',
  criu: 'path of the criu program',
  ...HELP,
  version: 'show the version',
};

export const commandTexts: { [C in CommandName]: CommandText<C> } = {
  create: {
    summary: 'Create a container; start then runs its process',
    options: { ...NEW_CONTAINER, ...HELP },
  },
  start: { summary: 'Run the process of a created container', options: HELP },
  run: {
    summary: 'Create and start a container, and delete it when its process ends',
    more: 'The exit status is that of the process, or 128+N when signal N killed it.',
    options: {
      ...NEW_CONTAINER,
      detach: 'do not wait for the process',
      keep: 'do not delete the container when its process ends',
      'no-subreaper': 'do not adopt processes whose parent in the container has ended',
      ...HELP,
    },
  },
  exec: {
    summary: 'Run another process in a container',
    more:
      'Options come before the container id; what follows the id is the command as it is.\n' +
      'The exit status is that of the process, 128+N when signal N killed it, and 255 when\n' +
      'it could not be run.',
    options: {
      process: 'file with a process object, - for standard input, instead of a command',
      tty: 'give the process a terminal',
      cwd: 'current directory',
      env: 'environment variable',
      user: 'user and group id',
      'additional-gids': 'supplementary group',
      cap: 'capability to add',
      'no-new-privs': 'the process gains no privileges by execve',
      apparmor: 'AppArmor profile',
      'process-label': 'SELinux label',
      detach: 'do not wait for the process',
      ...PROCESS,
      'pidfd-socket': 'unix socket that gets a pidfd of the process',
      cgroup: 'existing control group below that of the container',
      'ignore-paused': 'do so in a paused container too',
      ...HELP,
    },
  },
  state: { summary: 'Show the state of a container', options: { ...FORMAT, ...HELP } },
  kill: {
    summary: 'Send a signal to the process of a container',
    options: { all: 'send it to all processes of the container', ...HELP },
  },
  delete: {
    summary: 'Delete a stopped container',
    options: {
      force: 'kill the container first; it is fine when there is none of that id',
      ...HELP,
    },
  },
  list: {
    summary: 'List the containers',
    options: { ...FORMAT, quiet: 'only their ids', ...HELP },
  },
  ps: {
    summary: 'List the processes of a container',
    more: 'The table is that of the ps program, by default of ps -ef, with its other lines left out.',
    options: { ...FORMAT, ...HELP },
  },
  spec: {
    summary: 'Write a config.json to begin with',
    more:
      'What follows the options is the command that the container runs. Profiles are merged in\n' +
      'their order, and options come after them.',
    options: {
      ...BUNDLE,
      rootless: 'for a caller without privileges',
      system: 'for a whole system: boots /sbin/init',
      userns: 'user namespace with these ids: auto, or CONTAINERID:HOSTID:SIZE',
      apparmor: 'AppArmor profile of the process: tsrun-default is the one of tsrun',
      seccomp: 'filter of system calls: the profile of tsrun',
      profile: 'file with a part of a config.json, which is merged into it',
      hostname: 'name of the host inside',
      env: 'environment variable',
      tty: 'give the process a terminal (=false: none)',
      'cap-add': 'capability to add, or ALL',
      'cap-drop': 'capability to take away, or ALL',
      'read-only': 'make the root file system read-only (=false: writable)',
      bind: 'file or directory of the host that is there inside',
      network: 'none (nothing but loopback), host, or the path of a network namespace',
      memory: 'limit of memory, with K, M, G or T for its unit',
      cpus: 'limit of CPU time, in CPUs',
      ...HELP,
    },
  },
  features: { summary: 'Show as JSON what tsrun supports', options: HELP },
  plan: {
    summary: 'Show as JSON what would be done to create a container',
    options: {
      ...BUNDLE,
      'no-pivot': NEW_CONTAINER['no-pivot'],
      'no-new-keyring': NEW_CONTAINER['no-new-keyring'],
      ...HELP,
    },
  },
  checkpoint: {
    summary: 'Save a running container to disk',
    options: {
      ...CRIU,
      'parent-path': 'directory of the images of an earlier pre-dump',
      'leave-running': 'let the container run on',
      'tcp-skip-in-flight': 'leave out TCP connections that are being made',
      'link-remap': 'allow files that have been removed',
      'status-fd': 'descriptor that gets a NUL byte when lazy pages are ready',
      'page-server': 'address and port of a page server',
      'pre-dump': 'save only memory, and let the container run on',
      ...HELP,
    },
  },
  restore: {
    summary: 'Bring back a container that was saved to disk',
    options: {
      ...CRIU,
      ...BUNDLE,
      'console-socket': PROCESS['console-socket'],
      detach: 'do not wait for the process',
      'pid-file': PROCESS['pid-file'],
      'no-subreaper': 'do not adopt processes whose parent in the container has ended',
      'no-pivot': NEW_CONTAINER['no-pivot'],
      'lsm-profile': 'security profile, as TYPE:NAME',
      'lsm-mount-context': 'security context of mounts',
      ...HELP,
    },
  },
  pause: { summary: 'Stop all processes of a container for a while', options: HELP },
  resume: { summary: 'Let the processes of a paused container run on', options: HELP },
  update: {
    summary: 'Change the resource limits of a container',
    options: {
      resources: 'file with a resources object, - for standard input',
      'blkio-weight': 'weight of block I/O, 10 to 1000',
      'cpu-period': 'CFS period',
      'cpu-quota': 'CPU time within a period',
      'cpu-burst': 'CPU time that may be saved up',
      'cpu-share': 'weight against other groups',
      'cpu-rt-period': 'period of real-time scheduling',
      'cpu-rt-runtime': 'real-time CPU time within a period',
      'cpuset-cpus': 'CPUs',
      'cpuset-mems': 'memory nodes',
      'cpu-idle': 'whether the group runs only when nothing else does',
      memory: 'limit of memory, -1 for none',
      'memory-reservation': 'memory below which nothing is reclaimed',
      'memory-swap': 'limit of memory and swap together, -1 for none',
      'pids-limit': 'number of processes, -1 for no limit',
      'kernel-memory': 'ignored',
      'kernel-memory-tcp': 'ignored',
      'l3-cache-schema': 'Intel RDT schema of the L3 cache',
      'mem-bw-schema': 'Intel RDT schema of memory bandwidth',
      ...HELP,
    },
  },
  events: {
    summary: 'Show events and statistics of a container',
    options: {
      interval: 'time between statistics (default: 5s)',
      stats: 'show them once',
      ...HELP,
    },
  },
  completion: { summary: 'Print what a shell needs to complete command lines', options: HELP },
  help: { summary: 'Show help of a command', options: HELP },
};

export const argumentTexts: Readonly<Record<string, string>> = {
  'container-id': 'name of the container, unique below --root',
  command: 'the command',
  signal: 'name or number (default: TERM)',
  shell: 'bash, zsh or fish',
  'ps-options': 'options of the ps program',
};
