/** Where commands are run with faults: bundles, a state root, and what of it is left at any time. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { stringifyJson } from '../../../src/spec/json.js';
import type { Spec } from '../../../src/spec/types.js';
import { defaultSpec, makeRootfs } from '../../support/bundle.js';
import { buildInjector, inject } from '../../support/inject.js';
import type { Injection, Report } from '../../support/inject.js';
import { inUserNamespace, linuxOf, processOf, program } from '../../support/inside.js';
import { cgroupsOf } from '../../support/left.js';
import { reap, setSubreaper } from '../../support/shim.js';

/** Bundles: runc's default, and the same with a user namespace, for which there is a second clone. */
export type Form = 'plain' | 'userns';

/** Says what it sees of its sandbox, then that it runs, and ends or stays. */
const PROGRAM = `#!/bin/sh
cat /proc/self/status /proc/self/mountinfo /proc/self/limits /proc/self/oom_score_adj
ls -l /proc/self/ns
set -- /proc/$$/fd/*
echo "descriptors $#"
echo "umask $(umask) hostname $(hostname) uid map $(cat /proc/self/uid_map)"
(echo >/forbidden) 2>&1
echo ran
`;

/** Exit status of programs that end. */
export const STATUS = 7;

export interface Ended {
  status: number | undefined;
  stdout: string;
  stderr: string;
}

export interface Faulted extends Report, Omit<Ended, 'status'> {}

export interface Stage {
  /** The runtime on this state root. */
  command: readonly string[];
  /** Runs a command of the runtime without faults. */
  tsrun(...args: string[]): Ended;
  /** Runs one under the injector. */
  inject(injection: Injection, ...args: string[]): Faulted;
  /** Creates a container whose program stays. */
  create(form: Form, id: string): Ended;
  /** What the program of the container that was created last has written. */
  program(): string;
  bundle(form: Form, ends: boolean): string;
  /** First line of a file of its cgroup. */
  cgroupFile(id: string, name: string): string;
  /** What is there now: state, cgroups, mounts, and living processes that were orphaned. */
  left(): string[];
  /** Living processes in the cgroup of a container. */
  living(id: string): number[];
  /** Takes away what is left. */
  sweep(): void;
  remove(): void;
}

export const PREFIX = `fault-${process.pid.toString()}-`;

export function makeStage(cli: string): Stage {
  const work = mkdtempSync(join(tmpdir(), 'tsrun-faults-'));
  const root = join(work, 'state');
  const injector = buildInjector(work);
  setSubreaper(true);
  program('chmod', ['755', work]);
  const bundles = new Map<string, string>();

  const files = (): [number, number] => [
    openSync(join(work, 'out'), 'w'),
    openSync(join(work, 'err'), 'w'),
  ];
  const texts = (): { stdout: string; stderr: string } => ({
    stdout: readFileSync(join(work, 'out'), 'utf8'),
    stderr: readFileSync(join(work, 'err'), 'utf8'),
  });
  const close = (fds: readonly number[]): void => {
    for (const fd of fds) closeSync(fd);
  };

  const runQuietly = (out: string, args: string[]): Ended => {
    const err = join(work, 'quiet-err');
    const fds = [openSync(out, 'w'), openSync(err, 'w')] as const;
    const stdio: ('ignore' | number)[] = ['ignore', ...fds];
    const { status } = spawnSync(cli, ['--root', root, ...args], { stdio, timeout: 60_000 });
    close(fds);
    return {
      status: status ?? undefined,
      stdout: readFileSync(out, 'utf8'),
      stderr: readFileSync(err, 'utf8'),
    };
  };
  const own = orphans();

  const stage: Stage = {
    command: [cli, '--root', root],
    tsrun: (...args) => runQuietly(join(work, 'quiet'), args),
    create: (form, id) =>
      runQuietly(join(work, 'program'), ['create', '--bundle', stage.bundle(form, false), id]),
    program: () => read(join(work, 'program')),
    cgroupFile: (id, name) =>
      read(join(cgroupsOf(id).find((path) => path.endsWith(id)) ?? '/nowhere', name)).trim(),
    inject: (injection, ...args) => {
      const fds = files();
      const report = inject(injector, injection, [cli, '--root', root, ...args], fds);
      close(fds);
      // A created container writes to the same file when it is started.
      return Object.defineProperties(report as Faulted, {
        stdout: { get: () => texts().stdout },
        stderr: { get: () => texts().stderr },
      });
    },
    bundle: (form, ends) => {
      const name = `${form}-${ends ? 'ends' : 'stays'}`;
      const known = bundles.get(name);
      if (known !== undefined) return known;
      const path = join(work, name);
      const rootfs = join(path, 'rootfs');
      mkdirSync(path);
      makeRootfs(rootfs);
      const spec: Spec = defaultSpec('');
      processOf(spec).args = ['sh', '/program'];
      linuxOf(spec).namespaces ??= [];
      // No device but the usual ones may be opened, whatever the image has.
      program('mknod', ['-m', '666', join(rootfs, 'forbidden'), 'c', '1', '11']);
      const last = ends ? `exit ${STATUS.toString()}` : 'exec sleep 100000';
      writeFileSync(join(rootfs, 'program'), `${PROGRAM}${last}\n`);
      writeFileSync(join(rootfs, 'once'), `${PROGRAM}exit ${STATUS.toString()}\n`);
      if (form === 'userns') inUserNamespace(spec, { path, rootfs });
      writeFileSync(join(path, 'config.json'), stringifyJson(spec, 2));
      bundles.set(name, path);
      return path;
    },
    left: () => [
      ...(existsSync(root) ? tree(root) : []).map((path) => `state ${path}`),
      ...cgroupsOf(PREFIX).map((path) => `cgroup ${path}`),
      ...read('/proc/self/mountinfo')
        .split('\n')
        .filter((line) => line.includes(work))
        .map((line) => `mount ${line}`),
      ...others().map((pid) => `process ${pid.toString()} ${commandOf(pid)}`),
    ],
    living: (id) =>
      cgroupsOf(id)
        .flatMap((path) => read(join(path, 'cgroup.procs')).split('\n'))
        .filter((line) => line !== '' && isAlive(Number(line)))
        .map(Number),
    sweep: () => {
      for (const path of cgroupsOf(PREFIX)) writeFileSync(join(path, 'cgroup.kill'), '1');
      for (const pid of others()) process.kill(pid, 'SIGKILL');
      eventually(() => others().length === 0, 5000);
      for (const path of cgroupsOf(PREFIX).reverse()) rmdirSync(path);
      rmSync(root, { recursive: true, force: true });
    },
    remove: () => {
      stage.sweep();
      rmSync(work, { recursive: true, force: true });
    },
  };
  const others = (): number[] => orphans().filter((pid) => !own.includes(pid));
  return stage;
}

/** Names below the root; the cache of filters outlives containers. */
function tree(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('@seccomp'))
    .sort();
}

/** Living children of this process that it did not start; those that have ended are reaped. */
export function orphans(): number[] {
  const children = readdirSync('/proc/self/task').flatMap((tid) =>
    read(`/proc/self/task/${tid}/children`)
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  );
  return children.filter((pid) => {
    if (isAlive(pid)) return true;
    reap(pid);
    return false;
  });
}

const stateOf = (pid: number): string =>
  /\) (\S)/.exec(read(`/proc/${pid.toString()}/stat`))?.[1] ?? '';

export function isAlive(pid: number): boolean {
  return !['', 'Z', 'X'].includes(stateOf(pid));
}

/** It waits for something. */
export function isAsleep(pid: number): boolean {
  return stateOf(pid) === 'S';
}

function commandOf(pid: number): string {
  return read(`/proc/${pid.toString()}/cmdline`).replaceAll('\0', ' ').trim();
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const CELL = new Int32Array(new SharedArrayBuffer(4));

/** Waits until something is true, at most that long. */
export function eventually(what: () => boolean, milliseconds: number): boolean {
  const end = Date.now() + milliseconds;
  for (;;) {
    if (what()) return true;
    if (Date.now() > end) return false;
    Atomics.wait(CELL, 0, 0, 2);
  }
}

/** What a program saw of its sandbox, without what differs from one to the next. */
export function sandboxOf(output: string): string[] {
  const fields = /^(Uid|Gid|Groups|NoNewPrivs|Seccomp|Cap\w+|Sig(Blk|Ign)|Shd\w+|Umask):/;
  const kept: string[] = [];
  for (const line of output.split('\n')) {
    const mount = /^\d+ \d+ \d+:\d+ (.*)$/.exec(line);
    const namespace = /(\w+) -> (\w+:\[\d+\])/.exec(line);
    if (fields.test(line) || /^(Max |\d+$|descriptors|umask|sh: )/.test(line)) {
      kept.push(line);
    } else if (mount !== null) {
      kept.push((mount[1] ?? '').replaceAll(/\b(shared|master):\d+/g, '$1'));
    } else if (namespace !== null) {
      const [, type = '', name = ''] = namespace;
      kept.push(`${type} ${name === HOST.get(type) ? 'of the host' : 'of its own'}`);
    }
  }
  return kept;
}

const HOST = new Map(
  readdirSync('/proc/self/ns').map((type) => [
    type,
    spawnSync('readlink', [`/proc/self/ns/${type}`], { encoding: 'utf8' }).stdout.trim(),
  ]),
);
