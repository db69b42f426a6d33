/** podman, as it comes from Debian: images that are built. */

import { beforeAll } from 'vitest';

import { testOperations } from './support/operations.js';
import { rootfulPodman, usePodman } from './support/podman.js';

const guest = usePodman();

const BUILD = `
FROM localhost/busybox
ENV A=b
RUN echo built-$A >/built; id -u
USER 1000:1000
RUN --mount=type=tmpfs,target=/t touch /t/file; id -u
ARG STATUS
RUN --mount=type=cache,target=/cache ls -d /cache; exit $STATUS
`;

beforeAll(async () => {
  const file = guest.write('Containerfile', BUILD);
  await guest.output(`mkdir -p /run/build; cp ${file} /run/build/`);
});

testOperations(guest, 'images that are built', {
  ...rootfulPodman('systemd'),
  operations: [
    {
      name: 'build',
      script: `
        podman build -q --network none --no-cache --build-arg STATUS=0 -t $name /run/build >$directory/log 2>&1 || cat $directory/log
        podman run --rm --network none $name sh -c 'cat /built; id -u; ls /t'`,
      prints: /^built-b\n1000\nls: .*No such file/,
      status: 1,
    },
    {
      name: 'build that fails',
      script: `podman build --network none --no-cache /run/build --build-arg STATUS=9 2>&1 | grep -E '^(0|1000|/cache)$|exit status'`,
      prints: /^0\n1000\n\/cache\nError: .*exit status 9/,
    },
  ],
  cleanUp: 'podman rmi -f $name >/dev/null; rm -r $directory',
});
