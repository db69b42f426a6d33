/** Each difference that docs/migrating.md lists has a test that shows it. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const PEERS = ['native/beside-peers', 'every difference to runc and crun is explained'] as const;
const LIMITS = [
  'vm/beside-peers',
  'every difference of limits to runc and crun is explained',
] as const;

/** By the first column of the page's table: a file of test/, and what its test is called there. */
const TESTS: Readonly<Record<string, readonly [string, string]>> = {
  'directory of the states': ['unit/state/root', 'root has /run/tsrun, others have the directory'],
  'a field of `config.json` that is not obeyed': [
    'native/bad-input',
    'a field of a later version of tsrun is refused by its name, not ignored',
  ],
  'a `config.json` that is not valid': [
    'native/bad-input',
    'with many faults: all of them are told, each by its pointer',
  ],
  '`null` as an element of a list or a map': ['unit/spec/load', 'is refused at %s: %j'],
  'a cgroup mount without a cgroup namespace': [
    'security/row-14-cgroups',
    'without a cgroup namespace, is writable in the container’s own part alone %s',
  ],
  'a `remount,rw` of a cgroup mount': [
    'security/remounted-cgroups',
    'the hierarchy beside the container’s own part stays read-only after a remount by %s',
  ],
  "a bind of the container's own cgroup mount": [
    'security/remounted-cgroups',
    'a bind mount of it that the configuration names is refused, with the reason',
  ],
  'a bind of what an earlier entry has mounted': [
    'native/mounts',
    '%sbind mounts of what an earlier entry has mounted',
  ],
  'the list of mounts inside': PEERS,
  "the mount of the container's root": PEERS,
  'the cgroup of a container': [
    'security/row-14-cgroups',
    'belongs to the container’s user where it is delegated, but not its limits',
  ],
  'no mount namespace': ['native/root', '%s is refused'],
  'a mount inside `/proc`': [
    'security/row-04-proc-of-the-image',
    'nothing can be mounted inside of /proc, but over what lxcfs shows',
  ],
  'a filter that denies a call that tsrun needs': [
    'native/seccomp-late-calls',
    'create %s names each that is denied',
  ],
  'compiled filters': [
    'native/seccomp-cache-user',
    'the first start makes it, for its owner alone, and the second compiles nothing',
  ],
  'what runs in the container before its program': [
    'security/row-01-own-executable',
    'nothing of the runtime can be written while it joins, and not later by a kept descriptor',
  ],
  '`/etc/passwd` of the image, for `HOME`': [
    'security/row-19-huge-files',
    'a file over 1 MiB is refused, in bounded memory, and one of 1 MiB is read',
  ],
  '`--no-pivot`': [
    'native/root',
    'is refused with --no-pivot where it has a procfs already, which nothing could cover',
  ],
  '`tmpcopyup` where a link leads to `/proc`': [
    'native/tmpcopyup',
    'copies nothing of the kernel, where a link leads there: %s',
  ],
  'the session keyring': [
    'native/flags',
    'without it the container has a session keyring of its own',
  ],
  '`config.json`': ['native/blocking', 'config.json must be a file'],
  '`exec --process`, `update --resources`': [
    'native/blocking',
    'a writer of --process that does not come, and one that is stuck, are waited for in vain',
  ],
  '`--log` to a fifo that nobody reads': ['native/blocking', '--log is refused when nobody reads'],
  'a `createContainer` hook without an `env`': [
    'native/hooks',
    'an env that is %s is that of the command, or of the process',
  ],
  'umask, limits, out-of-memory score of `exec`': PEERS,
  'a hook that runs into its timeout': [
    'native/hook-failures',
    'the timeout of a %s hook ends what the hook has started',
  ],
  'a container whose state is damaged': [
    'native/crash',
    'says nothing any more: force tells what is left',
  ],
  'standard streams that the caller has closed': [
    'security/row-10-closed-streams',
    'are the null device of the host, where that of the image is %s',
  ],
  'device rules inside a user namespace': [
    'native/rootless',
    'device rules that are missed are told',
  ],
  'a capability that cannot be granted': [
    'native/capabilities',
    'a capability that the caller lacks is left out, with a warning',
  ],
  'ambient capabilities, none inheritable': [
    'native/capabilities',
    'ambient capabilities without inheritable ones, as runc spec lists them, are left out without a word',
  ],
  "a program's name without `PATH` in `env`": ['unit/plan/process', 'search directories'],
  '`--log FILE --log-format json`': [
    'unit/cli/log',
    'gets one object for a failure, and people one line',
  ],
  'a program that execve(2) refuses': [
    'native/exec-errors',
    'start tells that %s cannot be run, and leaves a stopped container',
  ],
  'a daemon-reload of systemd': [
    'vm/systemd-cgroup',
    'daemon-reload leaves device rules and limits in force',
  ],
  'the weight of the processor': LIMITS,
  'shares and weights out of their range': LIMITS,
  'the number of processes under systemd': LIMITS,
  "the controllers of a scope of systemd's": LIMITS,
};

/** By the beginning of each entry in the lists of what there is not, and of what differs from one of the peers. */
const ENTRIES: readonly (readonly [string, readonly [string, string]])[] = [
  ['`checkpoint`, `restore`', ['native/migrating', 'every command is there, or named']],
  ['`linux.intelRdt`', ['unit/spec/create-demands', 'refuses %s %o']],
  ['All commands and options of runc', ['native/migrating', 'every option is there, or named']],
  ['A `run` without a terminal', PEERS],
  ['`/dev/core` is there', PEERS],
  ['In a user namespace the group of a `mqueue`', PEERS],
  ['A `sysfs` that is read-only', PEERS],
  ['A recursive `rootfsPropagation`', PEERS],
  ['`linux.personality`, `domainname`', PEERS],
  ['`cpu.idle` and `cpu.burst`', LIMITS],
  [
    'Without a cgroup namespace runc',
    ['security/row-14-cgroups', 'is writable in the container’s own part alone %s'],
  ],
  ['Without `linux.seccomp.flags`', ['vm/seccomp', 'a filter forbids speculation past stores']],
  ['`--version`', ['unit/cli/main', "test('--version'"]],
  ['An AppArmor profile', ['vm/apparmor', 'a profile that is not loaded is an error']],
  ['The options `--log-level`', ['native/migrating', 'every option is there, or named']],
  ['The beginning of a long option', ['unit/cli/parse', 'unknown option --ver ']],
  ["Of crun's annotations", ['unit/annotations', 'no other file looks into annotations']],
  ['The targets of mounts', PEERS],
  ['The standard streams', PEERS],
  ['A bind mount without an option', PEERS],
  ['A masked file', PEERS],
  ['Devices of a user namespace', PEERS],
  ['As with runc, an `exec` without `--cwd`', PEERS],
  ['A `--user` of `exec`', PEERS],
  ['The options `--env` and `--cap`', PEERS],
  ['`/dev/console`', PEERS],
  ['The terminal of a `run` or `exec`', PEERS],
  ['There are no handlers', ['unit/annotations', 'no other file looks into annotations']],
  ['The library is for', ['native/library', 'createContainer']],
  ['Under systemd the process', LIMITS],
  ['The scope has all limits', LIMITS],
  ['A parent that tsrun makes', LIMITS],
  ['`hugepageLimits`', LIMITS],
  ['A `memory.swap`', LIMITS],
  ['A `cpu.quota` of -1', LIMITS],
  ['A `blockIO.weight`', LIMITS],
  ['A limit of 0', LIMITS],
  ['A program that is missing', ['vm/managers/docker', 'run with what cannot be set or mounted']],
  ['`list`, `ps` and `state`', ['unit/cli/tables', 'the table of containers']],
  ['`events` is there', ['native/resources', 'shows what a container uses, in one line']],
  ['`memory.swappiness`', LIMITS],
  [
    'A limit of the number of processes',
    ['native/process', 'a limit of processes that the user has reached'],
  ],
];

const PAGE = readFileSync('docs/migrating.md', 'utf8');

const [, table = ''] = /^\| what .*\n\| -.*\n((?:\|.*\n)+)/m.exec(PAGE) ?? [];
const rows = table
  .trimEnd()
  .split('\n')
  .map((line) => (line.split('|')[1] ?? '').trim());

const entries = PAGE.split(/^## /m)
  .filter((part) => /^(What there is not|From (runc|crun))/.test(part))
  .flatMap((part) => part.split('\n').filter((line) => line.startsWith('- ')))
  .map((line) => line.slice(2));

test('the page and the table have the same rows', () => {
  expect(rows).toEqual(Object.keys(TESTS));
});

test('the page and the lists have the same entries', () => {
  expect(entries).toHaveLength(ENTRIES.length);
  expect(ENTRIES.map(([words], index) => (entries[index] ?? '').slice(0, words.length))).toEqual(
    ENTRIES.map(([words]) => words),
  );
});

test.each([...Object.entries(TESTS), ...ENTRIES])('%s', (_row, [file, name]) => {
  expect(readFileSync(`test/${file}.test.ts`, 'utf8')).toContain(name);
});
