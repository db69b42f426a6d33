/** Operations of podman that build images. */

import type { Operation } from './operations.js';

const BUILD = `FROM localhost/busybox
ENV A=b
RUN echo built-$A >/built; id -u; echo there >/wait/there; cat /wait/go
USER 1000:1000
RUN --mount=type=tmpfs,target=/t touch /t/file; id -u
ARG STATUS
RUN --mount=type=cache,target=/cache ls -d /cache; exit $STATUS
`;

/** What a build says by itself is a line that begins with a word of its own. */
const SAYS = '^(STEP|COMMIT|-->|Successfully|[0-9a-f]{64}$)';

/**
 * While a container of buildah's waits in this directory, between its pipes `there`
 * and `go`: what the runtime has of it, but for the number at the end.
 */
export const whileItWaits = (directory: string): string => `
        timeout 120 cat ${directory}/there >/dev/null
        $runtime list -q | sed 's/[0-9]*$//'
        timeout 120 tee ${directory}/go </dev/null
        wait`;

export const builds: readonly Operation[] = [
  {
    name: 'build',
    script: `
        mkdir -p $directory/build $directory/wait && cat >$directory/build/Containerfile <<'END'
${BUILD}END
        mkfifo $directory/wait/there $directory/wait/go
        podman build --network none -v $directory/wait:/wait --no-cache --build-arg STATUS=0 -t $name \\
          $directory/build >$directory/said 2>&1 &
        ${whileItWaits('$directory/wait')}
        grep -vE '${SAYS}' $directory/said
        podman run --rm --network none $name sh -c 'cat /built; id -u; ls /t'`,
    // Nothing else: neither a warning of the runtime's nor an error.
    prints: /^buildah-buildah\n0\n1000\n\/cache\nbuilt-b\n1000\nls: .*No such file.*$/,
    status: 1,
  },
  {
    name: 'build that fails',
    script: `
        podman build --network none -v $directory/wait:/wait --build-arg STATUS=9 $directory/build 2>&1 |
          grep -E '^(0|1000|/cache)$|exit status'`,
    // What is before the argument is there from the first one.
    prints: /^\/cache\nError: .*exit status 9/,
  },
];

/** Afterwards, whatever has failed. */
export const cleanUpBuilds = 'podman rmi -f $name >/dev/null; rm -r $directory';
