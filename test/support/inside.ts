/**
 * Containers of one test file, looked at from inside, and the check that none
 * of them left anything behind.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';

import type { Linux, Process, Spec } from '../../src/spec/types.js';
import { makeBundle } from './bundle.js';
import type { Bundle } from './bundle.js';
import { makeRuntime, newId } from './tsrun.js';
import type { Result, Runtime, RunOptions } from './tsrun.js';

/** What a test may do before the container is run. */
export interface Change {
  (spec: Spec, bundle: Pick<Bundle, 'path' | 'rootfs'>): void;
}

export interface LabOptions extends RunOptions {
  /** Instead of `run`. */
  verb?: 'create';
  /** Flags of `run`. */
  flags?: string[];
  /** Options before the command. */
  globals?: string[];
  id?: string;
}

export interface Lab {
  runtime(): Runtime;
  /** `run` (or another verb) of a script, whatever comes of it. */
  run(script: string, change?: Change, options?: LabOptions): Promise<Result>;
  /** Runs each command inside one container: what it wrote, under its name. */
  inspect<K extends string>(
    commands: Readonly<Record<K, string>>,
    change?: Change,
    options?: LabOptions,
  ): Promise<Record<K, string>>;
  /** A bundle that goes with the test. */
  bundle(script: string, change?: Change): Bundle;
  /** A directory of the host that goes with the test. */
  directory(): string;
  /** Mounts on the host until the end of the test. */
  mount(target: string, ...args: string[]): void;
  /**
   * A process in new namespaces (unshare(1)) that lives until the end of the test.
   * @param cgroup directory of the cgroup that it is in
   */
  holder(flags: readonly string[], cgroup?: string): Promise<number>;
  /** Done before the rest is taken away. */
  cleanup(undo: () => void | Promise<void>): void;
}

const UNIFIED = '/sys/fs/cgroup/unified';

/** A fresh state root for each test; the checks are made after each test. */
export function useContainers(): Lab {
  let runtime: Runtime;
  let places: string[];
  let ids: string[];
  let undo: (() => void | Promise<void>)[];

  beforeEach(() => {
    runtime = makeRuntime();
    places = [];
    ids = [];
    undo = [];
  });

  afterEach(async () => {
    for (const step of undo.reverse()) await step();
    const leftover = runtime.leftover();
    await runtime.clean();
    const cgroups = cgroupsBelow(UNIFIED).filter((path) =>
      ids.some((id) => path.split('/').includes(id)),
    );
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => places.some((place) => line.includes(place)));
    for (const place of places) rmSync(place, { recursive: true, force: true });
    expect({ leftover, cgroups, mounts }).toEqual({ leftover: [], cgroups: [], mounts: [] });
  });

  const lab: Lab = {
    runtime: () => runtime,
    bundle: (script, change = () => undefined) => {
      const bundle = makeBundle(script);
      places.push(bundle.path);
      // Warnings are looked at, so there is none without a reason.
      delete processOf(bundle.spec).capabilities?.ambient;
      change(bundle.spec, bundle);
      bundle.write();
      return bundle;
    },
    directory: () => {
      const path = mkdtempSync(join(tmpdir(), 'tsrun-host-'));
      places.push(path);
      return path;
    },
    mount: (target, ...args) => {
      program('mount', [...args, target]);
      undo.push(() => {
        program('umount', ['-R', target]);
      });
    },
    holder: async (flags, cgroup = '') => {
      const enter = 'test -z "$0" || echo $$ > "$0/cgroup.procs"; exec unshare "$@"';
      const hold = ['sh', '-c', 'echo here; read line'];
      const child = spawn('sh', ['-c', enter, cgroup, ...flags, ...hold], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const end = once(child, 'exit');
      undo.push(async () => {
        child.stdin.end();
        await end;
      });
      await once(child.stdout, 'data');
      const pid = child.pid ?? 0;
      if (!flags.includes('--fork')) return pid;
      const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
      return Number(children);
    },
    cleanup: (step) => {
      undo.push(step);
    },
    run: (
      script,
      change,
      { verb = 'run', flags = [], globals = [], id = newId(), ...options } = {},
    ) => {
      const { path } = lab.bundle(script, change);
      ids.push(id);
      return runtime([...globals, verb, '--bundle', path, ...flags, id], options);
    },
    inspect: async (commands, change, options) => {
      const names = Object.keys(commands) as (keyof typeof commands)[];
      const script = names
        .map((name) => `printf '\\n@@${name}\\n'; { ${commands[name]}\n} 2>&1`)
        .join('\n');
      const result = await lab.run(`${script}\ntrue`, change, options);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      const parts = result.stdout.split(/^@@(.*)\n/m).slice(1);
      const found = {} as Record<(typeof names)[number], string>;
      names.forEach((name, index) => {
        expect(parts[2 * index]).toBe(name);
        found[name] = (parts[2 * index + 1] ?? '').trimEnd();
      });
      return found;
    },
  };
  return lab;
}

/** Others make and remove theirs at the same time. */
function cgroupsBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name))
      .flatMap((path) => [path, ...cgroupsBelow(path)]);
  } catch {
    return [];
  }
}

/** A program of the host that must succeed. */
export function program(file: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${file} ${args.join(' ')}: ${stderr}${error?.message ?? ''}`);
  }
  return stdout;
}

/** `shell` with a command as its arguments, in a mount namespace of its own. */
export function inMountNamespace(shell: string): string[] {
  return ['unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c', shell, 'sh'];
}

/** `type:[inode]` of a namespace of a process. */
export function namespaceOf(type: string, pid: number | 'self' = 'self'): string {
  return readlinkSync(`/proc/${String(pid)}/ns/${type}`);
}

/** A line of mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  id: string;
  parent: string;
  /** Of the file system, what is shown. */
  root: string;
  target: string;
  options: string[];
  /** Propagation: `shared:N`, `master:N`, `unbindable`. */
  optional: string[];
  type: string;
  source: string;
  superOptions: string[];
}

export function parseMountInfo(text: string): MountInfo[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [id = '', parent = '', , root = '', target = '', options = '', ...optional] =
        before.split(' ');
      const [type = '', source = '', superOptions = ''] = after.split(' ');
      return {
        ...{ id, parent, root, target, type, source },
        options: options.split(','),
        optional: optional.filter((field) => field !== ''),
        superOptions: superOptions.split(','),
      };
    });
}

/** What is mounted last at a target. */
export function mountAt(mounts: readonly MountInfo[], target: string): MountInfo {
  const found = mounts.filter((mount) => mount.target === target).at(-1);
  if (found === undefined) throw new Error(`nothing is mounted on ${target}`);
  return found;
}

/** `linux` of a configuration that has one. */
export function linuxOf(spec: Spec): Linux {
  return (spec.linux ??= {});
}

export function processOf(spec: Spec): Process {
  if (spec.process === undefined) throw new Error('no process');
  return spec.process;
}

/** More capabilities for the container's process. */
export function grant(spec: Spec, ...names: string[]): void {
  const process = processOf(spec);
  const sets = ['bounding', 'effective', 'permitted'] as const;
  for (const set of sets)
    (process.capabilities ??= {})[set] = [...(process.capabilities[set] ?? []), ...names];
}

/** First id of the range that `inUserNamespace` maps. */
export const HOST_ID = 100_000;

/** A new user namespace with 65536 ids, and a root file system that belongs to it. */
export function inUserNamespace(
  spec: Spec,
  { path, rootfs }: Pick<Bundle, 'path' | 'rootfs'>,
): void {
  const linux = linuxOf(spec);
  const mappings = [{ containerID: 0, hostID: HOST_ID, size: 65_536 }];
  linux.namespaces = [...(linux.namespaces ?? []), { type: 'user' }];
  linux.uidMappings = mappings;
  linux.gidMappings = mappings;
  program('chmod', ['755', path]);
  program('chown', ['-R', `${String(HOST_ID)}:${String(HOST_ID)}`, rootfs]);
}

/** Lists or replaces a namespace. */
export function setNamespace(
  spec: Spec,
  type: NonNullable<Linux['namespaces']>[number]['type'],
  path?: string,
): void {
  const linux = linuxOf(spec);
  dropNamespace(spec, type);
  linux.namespaces?.push(path === undefined ? { type } : { type, path });
}

export function dropNamespace(spec: Spec, type: string): void {
  const linux = linuxOf(spec);
  linux.namespaces = (linux.namespaces ?? []).filter((namespace) => namespace.type !== type);
}
