/** Single system calls from inside a container, for the tests of filters. */

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';

import type { Bundle } from './bundle.js';
import { program } from './inside.js';

const SOURCES = dirname(fileURLToPath(import.meta.url));

/** Numbers on x86-64 of what the tests call. */
export const NR = {
  umask: 95,
  setgroups: 116,
  ptrace: 101,
  syslog: 103,
  personality: 135,
  mount: 165,
  init_module: 175,
  add_key: 248,
  keyctl: 250,
  unshare: 272,
  perf_event_open: 298,
  open_by_handle_at: 304,
  setns: 308,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
  pidfd_getfd: 438,
  clone: 56,
  clone3: 435,
  socket: 41,
  alarm: 37,
  getpgid: 121,
  getsid: 124,
  getpriority: 140,
  setfsuid: 122,
  setfsgid: 123,
  dup: 32,
  setpgid: 109,
  getpgrp: 111,
  getuid: 102,
  getgid: 104,
  geteuid: 107,
  getegid: 108,
} as const;

export interface Calls {
  /** Puts the program into a bundle. */
  into(bundle: Pick<Bundle, 'rootfs'>): void;
}

/** For the top of a test file: `/bin/call`, compiled before its tests. */
export function useCalls(): Calls {
  return useProgram('call');
}

/** `/bin/seccomp-probe`. */
export function useProbe(): Calls {
  return useProgram('seccomp-probe', '-pthread');
}

/** `/bin/leaderless`, which goes on when its main thread has ended. */
export function useLeaderless(): Calls {
  return useProgram('leaderless', '-pthread');
}

/** `/bin/call32`, a program of 32 bits. It needs no C library, which Debian has in a package of its own. */
export function useCalls32(): Calls {
  return useProgram('call32', ...OPTIONS_32);
}

/** Of the compiler, for a program of 32 bits without the C library. */
export const OPTIONS_32 = [
  ...['-m32', '-static', '-O1', '-nostdlib', '-ffreestanding'],
  ...['-fno-pie', '-no-pie', '-fno-stack-protector'],
];

/** `/bin/process-attributes`, and where it is on the host. */
export function useAttributes(): Calls & { file: string } {
  return useProgram('process-attributes');
}

function useProgram(name: string, ...options: string[]): Calls & { file: string } {
  const directory = mkdtempSync(join(tmpdir(), `tsrun-${name}-`));
  const file = join(directory, name);
  beforeAll(() => {
    program('cc', ['-static', '-O1', ...options, '-o', file, join(SOURCES, `${name}.c`)]);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    file,
    into: ({ rootfs }) => {
      copyFileSync(file, join(rootfs, 'bin', name));
    },
  };
}
