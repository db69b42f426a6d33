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
        mkfifo $directory/there $directory/go
        systemd-run --${whose} --no-block -q -u $name-inner -p Type=notify -p NotifyAccess=all -- $podman \\
          run -d --name $name-inner --sdnotify=container --network none -v /run/notify-ready:/notify-ready:ro \\
          -v $directory:/wait busybox sh -c 'echo there >/wait/there; cat /wait/go; exec /notify-ready'
        timeout 120 cat $directory/there >/dev/null
        # The program runs, the runtime is done or waits, and nothing is ready.
        timeout 120 sh -c "until $runtime list | grep -q running; do :; done"
        state() { systemctl --${whose} show -P ActiveState $name-inner; }
        state
        timeout 120 tee $directory/go </dev/null
        active() { [ $(state) = active ]; }
        until_true active
        cat /proc/$(systemctl --${whose} show -P MainPID $name-inner)/comm
        podman rm -f -t 0 $name-inner >/dev/null`,
      // Of READY=1 the service manager hears from the program alone.
      prints: /^activating\n(conmon|notify-ready)$/,
    },
    {
      name: 'run --sdnotify=healthy, --health-interval',
      script: `
        systemd-run --${whose} --no-block -q -u $name-healthy -p Type=notify -p NotifyAccess=all -- $podman \\
          run -d --name $name-healthy --sdnotify=healthy --network none -v $directory:/wait \\
          --health-cmd 'test -e /wait/healthy' --health-interval 1s --health-retries 1 busybox sleep 1000
        health() { [ "$(podman inspect -f '{{.State.Health.Status}}' $name-healthy 2>/dev/null)" = $1 ]; }
        # By podman's timer: nobody else asks for it.
        until_true health unhealthy
        systemctl --${whose} show -P ActiveState $name-healthy
        touch $directory/healthy
        until_true health healthy
        active() { [ $(systemctl --${whose} show -P ActiveState $name-healthy) = active ]; }
        until_true active
        podman rm -f -t 0 $name-healthy >/dev/null`,
      prints: 'activating',
    },
  ];
}

/** Afterwards, whatever has failed. */
export const cleanUpNotifying = (whose: 'system' | 'user'): string => `
  podman rm -f -t 0 --ignore $name-conmon $name-inner $name-healthy >/dev/null
  systemctl --${whose} reset-failed "$name*" 2>/dev/null
  rm -r $directory`;
