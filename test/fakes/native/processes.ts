/** src/native/types/processes.ts on the fake system. */

import { EBADF, ESRCH } from '../../../src/native/constants.js';
import type { FakeSystem } from '../system.js';
import type { FakeFiles } from '../files.js';
import type { NativeProcesses } from '../../../src/native/types/processes.js';

export function fakeNativeProcesses(system: FakeSystem): NativeProcesses {
  const { fds, descriptors, table: processes } = system;
  return {
    getpid: () => 1,
    getuid: () => [system.uid, system.uid],
    getgid: () => [system.uid, system.uid],
    kill: (pid, signal) => processes.kill(processes.list.get(pid), signal),
    pidfdOpen: (pid) => {
      const process = processes.list.get(pid);
      return process === undefined ? -ESRCH : descriptors.open({ kind: 'pidfd', process });
    },
    pidfdKill: (fd, signal) => {
      const open = fds.get(fd);
      return open?.kind === 'pidfd' ? processes.kill(open.process, signal) : -EBADF;
    },
    reap: (fd) => processes.reap(fd),
    reapGroup: () => 0,
    reapOthers: (except) => {
      const ended = processes.zombies().filter(({ pid }) => pid !== except);
      for (const process of ended) {
        process.reaped = true;
        processes.forget(process);
      }
      return ended.length;
    },
    raiseHardLimit: () => 0,
    setSoftLimit: () => 0,
    setSubreaper: () => 0,
    catchSignals: () => descriptors.openOther(),
    capabilities: (asked) => capabilities(system.files, asked),
  };
}

/** By files, as tests know where to find them. */
function capabilities(
  files: FakeFiles,
  asked: bigint,
): { effective: bigint; bounding: bigint; last: number } {
  const text = (path: string): string => files.get(path)?.content ?? '';
  const mask = (name: string): bigint =>
    BigInt(
      `0x${new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(text('/proc/self/status'))?.[1] ?? '0'}`,
    );
  const last = Number(text('/proc/sys/kernel/cap_last_cap'));
  return { effective: mask('CapEff'), bounding: mask('CapBnd') & asked, last };
}
