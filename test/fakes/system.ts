/**
 * A system in memory for unit tests: files, cgroups, locks, processes and
 * helpers that do what their steps say, or what the test wants them to.
 *
 * Every call can be made to fail, which is the point of it: failNth().
 */

import { SIGKILL } from '../../src/native/constants.js';
import type { ExitInfo, Native } from '../../src/native/types.js';
import type { Step } from '../../src/plan/steps.js';
import { CGROUP_ROOT, FakeCgroups } from './cgroups.js';
import { FakeDescriptors } from './descriptors.js';
import { FakeFiles } from './files.js';
import { FakeHelpers } from './helpers.js';
import { fakeNativeBus } from './native/bus.js';
import { fakeNativeCgroups } from './native/cgroups.js';
import { fakeNativeErrors } from './native/errors.js';
import { fakeNativeFiles } from './native/files.js';
import { fakeNativeHelper } from './native/helper.js';
import { fakeNativeMounts } from './native/mounts.js';
import { fakeNativeNamespaces } from './native/namespaces.js';
import { fakeNativeProcesses } from './native/processes.js';
import { fakeNativeSeccomp } from './native/seccomp.js';
import { fakeNativeSockets } from './native/sockets.js';
import { fakeNativeTerminals } from './native/terminals.js';
import { fakeNativeWaiting } from './native/waiting.js';
import { FakeProcesses } from './processes.js';
import type { FakeProcess } from './processes.js';
import { FakeSystemd } from './systemd.js';
import { FakeWaits } from './waits.js';

/** Calls that cannot fail, or whose failure says nothing: failNth() passes over them. */
const INFALLIBLE: ReadonlySet<string> = new Set([
  'close',
  // Says how it failed in what it returns.
  'compileSeccomp',
  'digest',
  'closeBus',
  'cancelWait',
  'getpid',
  'getuid',
  'getgid',
  'isTerminal',
  'monotonicNs',
  'operations',
  'reap',
  'seccompFlagWorks',
  'seccompSystem',
  'seccompVersion',
  'strerror',
  'systemCallNumber',
]);

export class FakeSystem {
  readonly files = new FakeFiles();
  readonly systemd = new FakeSystemd({
    enter: (path, pid) => {
      const names = path.split('/').slice(1);
      names.forEach((_, index) => {
        this.cgroups.mkdir(`${CGROUP_ROOT}/${names.slice(0, index + 1).join('/')}`, 0o755);
      });
      this.cgroups.enter(`${CGROUP_ROOT}${path}`, pid);
      this.files.put(`/proc/${pid}/cgroup`, 'file', `0::${path}\n`).kernel = true;
    },
    kill: (path) => {
      this.cgroups.kill(`${CGROUP_ROOT}${path}`);
    },
    // With the slices that have become empty.
    remove: (path) => {
      for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
        this.cgroups.remove(`${CGROUP_ROOT}${at}`);
      }
    },
  });
  readonly cgroups = new FakeCgroups(this.files, (pid) => {
    const process = this.processes.get(pid);
    if (process !== undefined) this.end(process, { status: 0, signal: SIGKILL });
  });
  readonly table = new FakeProcesses(this);
  readonly descriptors = new FakeDescriptors(this);
  readonly helpers = new FakeHelpers(this);
  readonly waits = new FakeWaits(this);
  readonly processes = this.table.list;
  readonly fds = this.descriptors.fds;
  /** Programs that hooks and the like run, by path: their exit; others exit with 0. */
  readonly programs = new Map<string, ExitInfo | 'hangs'>();
  /** Paths of the programs that were run, in order. */
  readonly ran: string[] = [];
  /** Makes a step of a helper fail. */
  failStep: (step: Step) => { errno: number; code?: number; text?: string } | undefined = () =>
    undefined;
  /** What the process says behind the gate. */
  gateSays = '0';
  /** Whether the process behind the gate reads its bytes, and then executes the program; else it dies. */
  passes: 'neither' | 'gate' | 'both' = 'both';
  /** Names of the calls so far that failNth() counts. */
  readonly calls: string[] = [];
  uid = 0;
  now = 1e9;

  private failing: { nth: number; errno: number } | undefined;

  constructor() {
    this.files.pathOf = (fd) => {
      const open = this.fds.get(fd);
      return open?.kind === 'node' ? open.path : undefined;
    };
    this.files.put('/proc/self/cgroup', 'file', '0::/\n');
    this.files.put('/proc/self/mountinfo', 'file', '');
    this.files.put('/proc/self/status', 'file', status('000001ffffffffff'));
    this.files.put('/proc/sys/kernel/cap_last_cap', 'file', '40\n');
    this.files.put(
      '/proc/sys/kernel/random/uuid',
      'file',
      '01234567-89ab-4cde-8f01-23456789abcd\n',
    );
    this.files.put('/proc/sys/kernel/random/boot_id', 'file', 'b0070000-1234\n');
    this.files.put('/etc/passwd', 'file', 'root:x:0:0:root:/root:/bin/sh\n');
    this.files.put('/proc/self/fdinfo', 'directory');
    this.files.put('/proc/self/ns/user').ino = 0xeffffffdn;
    for (const name of ['net', 'ipc', 'uts', 'mnt', 'pid', 'cgroup', 'time']) {
      this.files.put(`/proc/self/ns/${name}`);
    }
    this.addProcess({ pid: 1, child: false });
  }

  /** The nth fallible call from now on (from 1) returns -errno and does nothing else. */
  failNth(nth: number, errno: number): void {
    this.calls.length = 0;
    this.failing = { nth, errno };
  }

  /** The interface, with the failures. */
  get native(): Native {
    return new Proxy(this.implementation(), {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof name !== 'string' || typeof member !== 'function' || INFALLIBLE.has(name)) {
          return member;
        }
        return (...args: unknown[]): unknown => {
          this.calls.push(name);
          if (this.calls.length === this.failing?.nth) return -this.failing.errno;
          return Reflect.apply(member, target, args);
        };
      },
    });
  }

  addProcess(process: { pid: number; child: boolean }): FakeProcess {
    return this.table.add(process);
  }

  /** As a process does that waits at the gate. */
  readFifo(path: string, process: FakeProcess): void {
    const node = this.files.get(path);
    if (node !== undefined) this.table.readers.set(node, process);
  }

  /** Ends a process; it stays a zombie until it is reaped, when it is a child. */
  end(process: FakeProcess, exit?: ExitInfo): void {
    this.table.end(process, exit);
  }

  alive(): FakeProcess[] {
    return this.table.alive();
  }

  /** Processes that ended and that nobody reaped. */
  zombies(): FakeProcess[] {
    return this.table.zombies();
  }

  /** The same without, for an engine that has no Proxy. */
  implementation(): Native {
    return {
      ...fakeNativeFiles(this),
      ...fakeNativeNamespaces(this),
      ...fakeNativeSockets(this),
      ...fakeNativeHelper(this),
      ...fakeNativeProcesses(this),
      ...fakeNativeTerminals(),
      ...fakeNativeMounts(this),
      ...fakeNativeCgroups(this),
      ...fakeNativeSeccomp(),
      ...fakeNativeBus(this),
      ...fakeNativeErrors(),
      ...fakeNativeWaiting(this),
    };
  }
}

function status(capabilities: string): string {
  return `Name:\ttest\nCapEff:\t${capabilities}\nCapBnd:\t${capabilities}\n`;
}
