/**
 * The command line as data: every command with its options and arguments.
 *
 * parse.ts reads a command line by this table; commander.ts builds the same
 * command line for commander from it; help.ts prints it. Names are runc's. A
 * row is built only when its command is asked for, and texts for people are in
 * texts.ts, so that a command pays for its own row alone.
 */

export interface OptionRow {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /**
   * What a value is: `list` and `ints` may be given many times, of the others
   * the last one counts. `count` is an integer from zero on.
   */
  readonly kind: 'bool' | 'string' | 'int' | 'count' | 'choice' | 'list' | 'ints';
  /** What help calls the value. */
  readonly metavar?: string;
  readonly choices?: readonly string[];
  /** Known, but what it asks for is not supported yet: refused by name when it is used. */
  readonly later?: true;
}

export interface ArgumentRow {
  readonly name: string;
  readonly required?: true;
  /** Takes all that is left. Only the last one can. */
  readonly many?: true;
}

export interface CommandRow {
  readonly options: readonly OptionRow[];
  readonly args: readonly ArgumentRow[];
  /** Everything from the first argument on is left as it is, options too. */
  readonly verbatim?: true;
  /** Known, but not supported yet: refused by name. */
  readonly later?: true;
}

const HELP = { name: 'help', short: 'h', kind: 'bool' } as const;
const ID = [{ name: 'container-id', required: true }] as const;
const BUNDLE = { name: 'bundle', short: 'b', kind: 'string', metavar: 'DIR' } as const;
const CONSOLE = { name: 'console-socket', kind: 'string', metavar: 'PATH' } as const;
const DETACH = { name: 'detach', short: 'd', kind: 'bool' } as const;
const PID_FILE = { name: 'pid-file', kind: 'string', metavar: 'FILE' } as const;
const PIDFD = { name: 'pidfd-socket', kind: 'string', metavar: 'PATH' } as const;
const PRESERVE = { name: 'preserve-fds', kind: 'count', metavar: 'N' } as const;
const NO_PIVOT = { name: 'no-pivot', kind: 'bool' } as const;
const NO_KEYRING = { name: 'no-new-keyring', kind: 'bool' } as const;
const NO_SUBREAPER = { name: 'no-subreaper', kind: 'bool' } as const;
const FORMAT = {
  name: 'format',
  short: 'f',
  kind: 'choice',
  metavar: 'FORMAT',
  choices: ['table', 'json'],
} as const;

/** Options before the command. */
export function globalRow() {
  return {
    options: [
      { name: 'root', kind: 'string', metavar: 'DIR' },
      { name: 'log', kind: 'string', metavar: 'FILE' },
      { name: 'log-format', kind: 'choice', metavar: 'FORMAT', choices: ['text', 'json'] },
      { name: 'debug', kind: 'bool' },
      { name: 'systemd-cgroup', kind: 'bool' },
      {
        name: 'cgroup-manager',
        kind: 'choice',
        metavar: 'MANAGER',
        choices: ['cgroupfs', 'systemd', 'disabled'],
      },
      { name: 'protect-host-cgroups', kind: 'bool' },
      { name: 'rootless', kind: 'choice', metavar: 'WHEN', choices: ['true', 'false', 'auto'] },
      { name: 'criu', kind: 'string', metavar: 'PATH', later: true },
      HELP,
      { name: 'version', short: 'v', kind: 'bool' },
    ],
    args: [],
  } as const satisfies CommandRow;
}

/** The commands, in the order of help. */
export const commands = {
  create: () =>
    ({
      options: [BUNDLE, CONSOLE, PID_FILE, PIDFD, PRESERVE, NO_PIVOT, NO_KEYRING, HELP],
      args: ID,
    }) as const,
  start: () => ({ options: [HELP], args: ID }) as const,
  run: () =>
    ({
      options: [
        BUNDLE,
        CONSOLE,
        DETACH,
        { name: 'keep', kind: 'bool' },
        PID_FILE,
        PIDFD,
        PRESERVE,
        NO_PIVOT,
        NO_KEYRING,
        NO_SUBREAPER,
        HELP,
      ],
      args: ID,
    }) as const,
  exec: () =>
    ({
      options: [
        { name: 'process', short: 'p', kind: 'string', metavar: 'FILE' },
        { name: 'tty', short: 't', kind: 'bool' },
        { name: 'cwd', kind: 'string', metavar: 'DIR' },
        { name: 'env', short: 'e', kind: 'list', metavar: 'NAME=VALUE' },
        { name: 'user', short: 'u', kind: 'string', metavar: 'UID[:GID]' },
        { name: 'additional-gids', short: 'g', kind: 'ints', metavar: 'GID' },
        { name: 'cap', short: 'c', kind: 'list', metavar: 'CAPABILITY' },
        { name: 'no-new-privs', kind: 'bool' },
        { name: 'apparmor', kind: 'string', metavar: 'PROFILE' },
        { name: 'process-label', kind: 'string', metavar: 'LABEL' },
        DETACH,
        PID_FILE,
        PIDFD,
        CONSOLE,
        PRESERVE,
        { name: 'cgroup', kind: 'string', metavar: 'PATH' },
        { name: 'ignore-paused', kind: 'bool' },
        HELP,
      ],
      args: [...ID, { name: 'command', many: true }],
      verbatim: true,
    }) as const,
  state: () => ({ options: [FORMAT, HELP], args: ID }) as const,
  kill: () =>
    ({
      options: [{ name: 'all', short: 'a', kind: 'bool' }, HELP],
      args: [...ID, { name: 'signal' }],
    }) as const,
  delete: () =>
    ({ options: [{ name: 'force', short: 'f', kind: 'bool' }, HELP], args: ID }) as const,
  list: () =>
    ({ options: [FORMAT, { name: 'quiet', short: 'q', kind: 'bool' }, HELP], args: [] }) as const,
  ps: () =>
    ({
      options: [FORMAT, HELP],
      args: [...ID, { name: 'ps-options', many: true }],
      verbatim: true,
    }) as const,
  spec: () =>
    ({
      options: [
        BUNDLE,
        { name: 'rootless', kind: 'bool' },
        { name: 'system', kind: 'bool' },
        { name: 'userns', kind: 'list', metavar: 'IDS' },
        { name: 'profile', kind: 'list', metavar: 'FILE' },
        { name: 'hostname', kind: 'string', metavar: 'NAME' },
        { name: 'env', short: 'e', kind: 'list', metavar: 'NAME=VALUE' },
        { name: 'tty', short: 't', kind: 'bool' },
        { name: 'cap-add', kind: 'list', metavar: 'CAPABILITY' },
        { name: 'cap-drop', kind: 'list', metavar: 'CAPABILITY' },
        { name: 'read-only', kind: 'bool' },
        { name: 'bind', kind: 'list', metavar: 'SRC:DST[:OPTIONS]' },
        { name: 'apparmor', kind: 'string', metavar: 'PROFILE' },
        { name: 'seccomp', kind: 'choice', metavar: 'PROFILE', choices: ['default'] },
        { name: 'network', kind: 'string', metavar: 'NETWORK' },
        { name: 'memory', kind: 'string', metavar: 'BYTES' },
        { name: 'cpus', kind: 'string', metavar: 'N' },
        HELP,
      ],
      args: [{ name: 'command', many: true }],
      verbatim: true,
    }) as const,
  features: () => ({ options: [HELP], args: [] }) as const,
  plan: () =>
    ({ options: [BUNDLE, NO_PIVOT, NO_KEYRING, HELP], args: [{ name: 'container-id' }] }) as const,
  checkpoint: () =>
    ({
      options: [
        { name: 'image-path', kind: 'string', metavar: 'DIR' },
        { name: 'work-path', kind: 'string', metavar: 'DIR' },
        { name: 'parent-path', kind: 'string', metavar: 'DIR' },
        { name: 'leave-running', kind: 'bool' },
        { name: 'tcp-established', kind: 'bool' },
        { name: 'tcp-skip-in-flight', kind: 'bool' },
        { name: 'link-remap', kind: 'bool' },
        { name: 'ext-unix-sk', kind: 'bool' },
        { name: 'shell-job', kind: 'bool' },
        { name: 'lazy-pages', kind: 'bool' },
        { name: 'status-fd', kind: 'int', metavar: 'FD' },
        { name: 'page-server', kind: 'string', metavar: 'ADDRESS:PORT' },
        { name: 'file-locks', kind: 'bool' },
        { name: 'pre-dump', kind: 'bool' },
        { name: 'manage-cgroups-mode', kind: 'string', metavar: 'MODE' },
        { name: 'empty-ns', kind: 'list', metavar: 'NAMESPACE' },
        { name: 'auto-dedup', kind: 'bool' },
        HELP,
      ],
      args: ID,
      later: true,
    }) as const,
  restore: () =>
    ({
      options: [
        CONSOLE,
        { name: 'image-path', kind: 'string', metavar: 'DIR' },
        { name: 'work-path', kind: 'string', metavar: 'DIR' },
        { name: 'tcp-established', kind: 'bool' },
        { name: 'ext-unix-sk', kind: 'bool' },
        { name: 'shell-job', kind: 'bool' },
        { name: 'file-locks', kind: 'bool' },
        { name: 'manage-cgroups-mode', kind: 'string', metavar: 'MODE' },
        BUNDLE,
        DETACH,
        PID_FILE,
        NO_SUBREAPER,
        NO_PIVOT,
        { name: 'empty-ns', kind: 'list', metavar: 'NAMESPACE' },
        { name: 'auto-dedup', kind: 'bool' },
        { name: 'lazy-pages', kind: 'bool' },
        { name: 'lsm-profile', kind: 'string', metavar: 'TYPE:NAME' },
        { name: 'lsm-mount-context', kind: 'string', metavar: 'CONTEXT' },
        HELP,
      ],
      args: ID,
      later: true,
    }) as const,
  pause: () => ({ options: [HELP], args: ID }) as const,
  resume: () => ({ options: [HELP], args: ID }) as const,
  update: () =>
    ({
      options: [
        { name: 'resources', short: 'r', kind: 'string', metavar: 'FILE' },
        { name: 'blkio-weight', kind: 'int', metavar: 'WEIGHT' },
        { name: 'cpu-period', kind: 'string', metavar: 'MICROSECONDS' },
        { name: 'cpu-quota', kind: 'string', metavar: 'MICROSECONDS' },
        { name: 'cpu-burst', kind: 'string', metavar: 'MICROSECONDS' },
        { name: 'cpu-share', kind: 'string', metavar: 'WEIGHT' },
        { name: 'cpu-rt-period', kind: 'string', metavar: 'MICROSECONDS' },
        { name: 'cpu-rt-runtime', kind: 'string', metavar: 'MICROSECONDS' },
        { name: 'cpuset-cpus', kind: 'string', metavar: 'LIST' },
        { name: 'cpuset-mems', kind: 'string', metavar: 'LIST' },
        { name: 'cpu-idle', kind: 'string', metavar: '0|1' },
        { name: 'memory', kind: 'string', metavar: 'BYTES' },
        { name: 'memory-reservation', kind: 'string', metavar: 'BYTES' },
        { name: 'memory-swap', kind: 'string', metavar: 'BYTES' },
        { name: 'pids-limit', kind: 'int', metavar: 'N' },
        { name: 'kernel-memory', kind: 'string', metavar: 'BYTES' },
        { name: 'kernel-memory-tcp', kind: 'string', metavar: 'BYTES' },
        { name: 'l3-cache-schema', kind: 'string', metavar: 'SCHEMA', later: true },
        { name: 'mem-bw-schema', kind: 'string', metavar: 'SCHEMA', later: true },
        HELP,
      ],
      args: ID,
    }) as const,
  events: () =>
    ({
      options: [
        { name: 'interval', kind: 'string', metavar: 'DURATION' },
        { name: 'stats', kind: 'bool' },
        HELP,
      ],
      args: ID,
    }) as const,
  completion: () => ({ options: [HELP], args: [{ name: 'shell', required: true }] }) as const,
  help: () => ({ options: [HELP], args: [{ name: 'command' }] }) as const,
} satisfies Record<string, () => CommandRow>;

export type CommandName = keyof typeof commands;

type Value<O extends OptionRow> = O['kind'] extends 'bool'
  ? boolean
  : O['kind'] extends 'int' | 'count'
    ? number
    : O['kind'] extends 'list'
      ? string[]
      : O['kind'] extends 'ints'
        ? number[]
        : O extends { choices: readonly (infer C)[] }
          ? C
          : string;

type Values<Rows extends readonly OptionRow[]> = {
  [O in Rows[number] as O['name']]?: Value<O>;
};

/** What was given of the options before the command. */
export type GlobalOptions = Values<ReturnType<typeof globalRow>['options']>;

/** What was given of the options of a command. */
export type Options<C extends CommandName> = Values<ReturnType<(typeof commands)[C]>['options']>;

/** Any option's value, as the parsers see it. */
export type OptionValue = boolean | number | string | string[] | number[];
