/**
 * Processes that managers add to a running container, and terminals as they ask for them. `$call` is the
 * runtime with its global options, and the shell is in the bundle (`beside-peers.test.ts`).
 */

import { defaultProfile } from '../../src/seccomp/default-profile.js';
import type { Process, Spec } from '../../src/spec/types.js';
import type { ManagerConfig, ManagerName, SpecChange } from './manager-configs.js';
import { ALL, GRANTED, make, mapped, rootless, sets } from './manager-configs.js';

type ProcessChange = (process: Process & Required<Pick<Process, 'env' | 'user'>>) => void;

const ID = 'c0ffee';
const unchanged: SpecChange = () => undefined;

/** A terminal of 33 rows and 77 columns, at which nobody types, for a command that takes it over. */
function onTerminal(command: string): string {
  return `exec script -qec "stty rows 33 cols 77; exec ${command}" /dev/null 0<>/run/quiet`;
}

/** The program writes what it sees into the container's /result: nobody reads the terminal. */
function detached(command: string): string {
  return `
    : >rootfs/result && chmod 666 rootfs/result
    ${command} >/run/output
    tries=0
    until grep -q @@end rootfs/result 2>/dev/null || [ $tries = 50 ]; do tries=$((tries + 1)); sleep .1; done
    cat rootfs/result; rm -f rootfs/result`;
}

function terminal(manager: ManagerName, name: string, change: SpecChange = unchanged) {
  return {
    name: `${manager}: ${name}`,
    spec: make(manager, (spec) => {
      spec.process.terminal = true;
      change(spec);
    }),
    command: onTerminal(`$call run ${ID}`),
  };
}

function socket(manager: ManagerName, name: string, change: SpecChange = unchanged) {
  return {
    name: `${manager}: ${name}`,
    spec: make(manager, (spec) => {
      spec.process.terminal = true;
      spec.process.args = ['/bin/look', '/result'];
      change(spec);
    }),
    command: `${detached(`$call run --detach --console-socket /run/socket ${ID} </run/input`)}
      $call delete --force ${ID}`,
  };
}

/** Of a container that waits: `exec` is what follows the runtime, of which the status is reported too. */
function during(name: string, spec: Spec, exec: string, document?: Process): ManagerConfig {
  const waiting = structuredClone(spec);
  if (waiting.process !== undefined) waiting.process.args = ['/bin/busybox', 'sleep', '60'];
  return {
    name,
    spec: waiting,
    ...(document !== undefined && { document }),
    command: `$call run --detach ${ID} </run/input >/run/output || exit
      (${exec})
      echo "@@exit"; echo $?
      $call delete --force ${ID}`,
  };
}

/** With options, as a person or a script gives them. */
function options(
  manager: ManagerName,
  words: string,
  change: SpecChange = unchanged,
  name = words,
): ManagerConfig {
  const exec = `exec $call exec ${words} ${ID} /bin/look`;
  return during(`${manager}: exec ${name}`, make(manager, change), exec);
}

/** With a document, as containerd's shim and conmon write it: the container's process with changes. */
function document(
  manager: ManagerName,
  name: string,
  change: ProcessChange,
  container: SpecChange = unchanged,
): ManagerConfig {
  const spec = make(manager, container);
  const process = structuredClone(spec.process) as Parameters<ProcessChange>[0];
  change(process);
  const exec = `exec $call exec --process /run/b/process.json ${ID}`;
  return during(`${manager}: exec of a document, ${name}`, spec, exec, process);
}

function asUser(spec: Parameters<SpecChange>[0]): void {
  spec.process.user = { uid: 1000, gid: 1000, additionalGids: [2000, 3000] };
}

/** What a container has that an exec without options takes over, or does not. */
const strict: SpecChange = (spec) => {
  asUser(spec);
  spec.process.capabilities = sets(['CAP_NET_BIND_SERVICE', 'CAP_CHOWN'], true);
  spec.process.rlimits = [{ type: 'RLIMIT_NOFILE', hard: 512, soft: 256 }];
  spec.process.oomScoreAdj = 500;
  spec.process.cwd = '/tmp';
  spec.process.noNewPrivileges = true;
  spec.process.user.umask = 0o27;
  spec.linux.seccomp = defaultProfile('x86_64', new Set(GRANTED));
};

export const TERMINALS: readonly ManagerConfig[] = [
  terminal('docker', 'a terminal'),
  terminal('docker', 'a terminal with --user', asUser),
  terminal('podman', 'a terminal with a size', ({ process }) => {
    process.consoleSize = { height: 41, width: 99 };
  }),
  terminal('docker', 'a terminal, userns-remap', mapped),
  { ...terminal('podman', 'a terminal, rootless', rootless), rootless: true },
  socket('containerd CRI', 'a terminal by its socket'),
  socket('docker', 'a terminal by its socket, with --user', asUser),
  socket('docker', 'a terminal by its socket, userns-remap', mapped),
  socket('podman', 'a terminal by its socket, with a size', ({ process }) => {
    process.consoleSize = { height: 41, width: 99 };
  }),
];

export const EXECS: readonly ManagerConfig[] = [
  options('docker', '', unchanged, 'without options'),
  options('docker', '', strict, 'without options, of a restricted container'),
  options('docker', '--user 1000'),
  options('docker', '--user 1000:2000 --cwd /tmp -e HOME=/tmp -e A=b'),
  options('docker', '--user 0:0', strict, '--user 0:0, of a restricted container'),
  options('docker', '--cap CAP_SYS_ADMIN --cap CAP_CHOWN'),
  options(
    'docker',
    '--user 1000 --cap CAP_NET_ADMIN',
    unchanged,
    '--user 1000 --cap CAP_NET_ADMIN',
  ),
  options('docker', '--no-new-privs'),
  options('docker', '--preserve-fds 1 3</run/host/hosts', unchanged, '--preserve-fds'),
  options('docker', '', mapped, 'without options, userns-remap'),
  options('docker', '--user 1000', mapped, '--user, userns-remap'),
  options('podman', '', (spec) => (spec.linux.personality = { domain: 'LINUX32' }), 'personality'),
  document('docker', 'as it is', ({ args }) => args?.splice(0, 1, '/bin/look')),
  document('docker', '-u -w -e', (process) => {
    process.user = { uid: 1000, gid: 1000, additionalGids: [1000] };
    process.cwd = '/tmp';
    process.env.push('A=b');
  }),
  document('docker', '--privileged', (process) => (process.capabilities = sets(ALL))),
  document('docker', 'no capabilities', (process) => (process.capabilities = sets([]))),
  document('docker', 'without members', (process) => {
    delete process.capabilities;
    delete process.oomScoreAdj;
    process.env = [];
  }),
  document(
    'docker',
    'without members, of a restricted container',
    (process) => {
      delete process.capabilities;
      delete process.oomScoreAdj;
      delete process.rlimits;
      delete process.noNewPrivileges;
      process.user = { uid: 0, gid: 0 };
    },
    strict,
  ),
  document('containerd CRI', 'kubectl exec', () => undefined, asUser),
  document('containerd CRI', 'oomScoreAdj', (process) => (process.oomScoreAdj = 300)),
  document('podman', '--user with ambient capabilities', (process) => {
    process.user = { uid: 1000, gid: 1000, umask: 0o22, additionalGids: [10, 1000] };
    process.capabilities = sets(['CAP_NET_BIND_SERVICE'], true);
  }),
  document('podman', 'rlimits', (process) => {
    process.rlimits = [
      { type: 'RLIMIT_NOFILE', hard: 512, soft: 128 },
      { type: 'RLIMIT_CORE', hard: 0, soft: 0 },
    ];
  }),
  document('podman', 'umask', (process) => (process.user.umask = 0o77)),
  document('podman', 'noNewPrivileges', (process) => (process.noNewPrivileges = true)),
  document('CRI-O', 'a user of a user namespace', ({ user }) => (user.uid = 1000), mapped),
  during(
    'docker: exec with a terminal',
    make('docker', unchanged),
    onTerminal(`$call exec --tty ${ID} /bin/look`),
  ),
  during(
    'docker: exec with a terminal and a user',
    make('docker', unchanged),
    onTerminal(`$call exec --tty --user 1000:1000 ${ID} /bin/look`),
  ),
  during(
    'containerd CRI: exec with a terminal by its socket',
    make('containerd CRI', unchanged),
    detached(
      `$call exec --detach --tty --console-socket /run/socket ${ID} /bin/look /result </run/input`,
    ),
  ),
  {
    ...during(
      'podman: exec, rootless',
      make('podman', rootless),
      `exec $call exec ${ID} /bin/look`,
    ),
    rootless: true,
  },
];
