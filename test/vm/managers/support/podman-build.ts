/** Operations of podman that build images. */

import type { Operation } from './operations.js';

const BUILD = `FROM localhost/busybox
ENV A=b
RUN echo built-$A >/built; id -u
USER 1000:1000
RUN --mount=type=tmpfs,target=/t touch /t/file; id -u
ARG STATUS
RUN --mount=type=cache,target=/cache ls -d /cache; exit $STATUS
`;

/** What a build says by itself is a line that begins with a word of its own. */
const SAYS = '^(STEP|COMMIT|-->|Successfully|[0-9a-f]{64}$)';

export const builds: readonly Operation[] = [
  {
    name: 'build',
    script: `
        mkdir -p $directory/build && cat >$directory/build/Containerfile <<'END'
${BUILD}END
        podman build --network none --no-cache --build-arg STATUS=0 -t $name $directory/build 2>&1 | grep -vE '${SAYS}'
        podman run --rm --network none $name sh -c 'cat /built; id -u; ls /t'`,
    // Nothing else: neither a warning of the runtime's nor an error.
    prints: /^0\n1000\n\/cache\nbuilt-b\n1000\nls: .*No such file.*$/,
    status: 1,
  },
  {
    name: 'build that fails',
    script: `podman build --network none $directory/build --build-arg STATUS=9 2>&1 | grep -E '^(0|1000|/cache)$|exit status'`,
    // What is before the argument is there from the first one.
    prints: /^\/cache\nError: .*exit status 9/,
  },
];

/** Afterwards, whatever has failed. */
export const cleanUpBuilds = 'podman rmi -f $name >/dev/null; rm -r $directory';
