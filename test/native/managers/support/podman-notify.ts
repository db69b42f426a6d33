/** Operations of podman under somebody who waits for the container, as a service manager does. */

import type { Operation } from '../../../vm/managers/support/operations.js';

/** For `programs`: it starts a program with what the socket is told to read. */
export const LISTENER = '/usr/bin/systemd-socket-activate';

/** In the image: it says READY=1, and sleeps (test/vm/guest/). */
export const NOTIFIER = 'notify-ready';

/** What is told to $NOTIFY_SOCKET goes into the file `heard`. */
const LISTEN = `
  : >$directory/heard
  ${LISTENER} --datagram --inetd -l $directory/socket \\
    sh -c "exec cat >$directory/heard" 2>$directory/log &
  listener=$!
  until_true test -S $directory/socket
  main() { cat /proc/$(sed -n 's/.*MAINPID=\\([0-9]*\\).*/\\1/p' $directory/heard | tail -n 1)/comm; }
  run() { env NOTIFY_SOCKET=$directory/socket $podman run -d --network none --name "$@" >/dev/null; }`;

const END = `
  podman rm -f -t 0 $container >/dev/null
  kill $listener && rm $directory/socket`;

export const notifying: readonly Operation[] = [
  {
    name: 'run --sdnotify=conmon',
    script: `
      ${LISTEN}
      container=$name-conmon
      run $container --sdnotify=conmon busybox sleep 1000
      until_true grep -q READY=1 $directory/heard
      main
      podman exec $container env | grep NOTIFY
      ${END}`,
    prints: 'conmon',
  },
  {
    name: 'run --sdnotify=container',
    script: `
      ${LISTEN}
      container=$name-inner
      mkfifo $directory/there $directory/go
      run $container --sdnotify=container -v $directory:/wait busybox \\
        sh -c 'echo there >/wait/there; cat /wait/go; exec ${NOTIFIER}' &
      timeout 60 cat $directory/there >/dev/null
      # The program runs, the runtime is done or waits, and nothing is ready.
      until_true sh -c "$runtime list | grep -q running"
      grep -c READY= $directory/heard
      timeout 60 tee $directory/go </dev/null
      until_true grep -q READY=1 $directory/heard
      wait $! && main
      ${END}`,
    // Of READY=1 it hears from the program alone.
    prints: /^0\n(conmon|notify-ready)$/,
  },
];

/** Afterwards, whatever has failed. */
export const cleanUpNotifying = `
  podman rm -f -t 0 --ignore $name-conmon $name-inner >/dev/null
  rm -r $directory`;
