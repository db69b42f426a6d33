/** Changing the device rules of a cgroup that has some, without a moment in which none apply. */

import { TsrunError } from '../../errors.js';
import type { Native } from '../../native/types.js';

/** What tsrun's programs are called (native/system/bpf.cc). */
const NAME = 'tsrun';

/**
 * Puts a program in the place of those that tsrun has attached to the cgroup
 * before. All programs of a cgroup must allow an access; so where there are
 * several of ours, the new one joins them before they go.
 *
 * A cgroup may have only programs of somebody else, who has taken ours away to
 * allow more (the hook of a graphics card does so). They are left alone, unless
 * the container is new: nobody can have taken its program away.
 *
 * @param at JSON pointer of the rules
 * @returns what takes it back and how many programs of others apply too, or a warning
 * @throws TsrunError ERR_CGROUP; the programs are then as they were
 */
export function replaceDevices(
  native: Native,
  cgroupFd: number,
  program: Uint8Array,
  at: string,
  container: 'new' | 'running',
): { undo: () => void; close: () => void; others: number } | { warning: string } {
  const failed = (what: string, status: number): TsrunError =>
    new TsrunError('ERR_CGROUP', `${at}: cannot ${what}: ${native.strerror(-status)}`, {
      errno: -status,
      pointer: at,
    });
  const attached = native.devicePrograms(cgroupFd);
  if (typeof attached === 'number') throw failed('find the device program', attached);
  const close = (): void => {
    for (const { fd } of attached) native.close(fd);
  };
  const own = attached.filter(({ name }) => name === NAME).map(({ fd }) => fd);
  if (container === 'running' && own.length === 0 && attached.length > 0) {
    close();
    return {
      warning: `${at}: ignored: another program has replaced the device rules of the container`,
    };
  }
  const added = native.loadDeviceProgram(program);
  if (added < 0) {
    close();
    throw failed('load the device program', added);
  }
  const [first] = own;
  const only = own.length === 1 && first !== undefined ? first : -1;
  const status = native.attachDeviceProgram(cgroupFd, added, only);
  if (status < 0) {
    native.close(added);
    close();
    throw failed('attach the device program', status);
  }
  if (only < 0) for (const fd of own) native.detachDeviceProgram(cgroupFd, fd);
  return {
    others: attached.length - own.length,
    undo: () => {
      if (only >= 0) {
        native.attachDeviceProgram(cgroupFd, only, added);
      } else {
        for (const fd of own) native.attachDeviceProgram(cgroupFd, fd, -1);
        native.detachDeviceProgram(cgroupFd, added);
      }
    },
    close: () => {
      native.close(added);
      close();
    },
  };
}
