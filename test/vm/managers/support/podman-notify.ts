/** Operations of podman under a service manager that waits for the container. */

import type { Guest } from '../../support/guest.js';
import { SHARE } from '../../support/guest.js';
import type { Operation } from './operations.js';

/** For beforeAll(). */
export async function addNotifyReady(guest: Guest): Promise<void> {
  guest.compile('notify-ready');
  await guest.output(`[ -e /run/notify-ready ] || cp ${SHARE}/notify-ready /run/`);
}

/** @param whose systemd waits */
export function notifying(whose: 'system' | 'user'): Operation[] {
  return [
    {
      name: 'run --sdnotify=conmon',
      script: `
        systemd-run --${whose} -q -u $name-conmon -p Type=notify -p NotifyAccess=all -- $podman \\
          run -d --name $name-conmon --sdnotify=conmon --network none busybox sleep 1000 &&
          cat /proc/$(systemctl --${whose} show -P MainPID $name-conmon)/comm
        podman exec $name-conmon env | grep NOTIFY
        podman rm -f -t 0 $name-conmon >/dev/null`,
      prints: 'conmon',
    },
    {
      name: 'run --sdnotify=container',
      script: `
        systemd-run --${whose} -q -u $name-inner -p Type=notify -p NotifyAccess=all -- $podman \\
          run -d --name $name-inner --sdnotify=container --network none -v /run/notify-ready:/notify-ready:ro \\
          busybox /notify-ready
        systemctl --${whose} show -P ActiveState $name-inner
        podman rm -f -t 0 $name-inner >/dev/null`,
      // It does not start to be that before READY=1, which podman passes on.
      prints: 'active',
    },
  ];
}

/** Afterwards, whatever has failed. */
export const cleanUpNotifying = (whose: 'system' | 'user'): string => `
  podman rm -f -t 0 --ignore $name-conmon $name-inner >/dev/null
  systemctl --${whose} reset-failed "$name*" 2>/dev/null
  rm -r $directory`;
