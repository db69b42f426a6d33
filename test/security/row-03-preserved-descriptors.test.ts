/**
 * --preserve-fds and LISTEN_FDS that promise more than the caller opened: the
 * numbers are then the host's own descriptors (Node's epoll instance, its
 * pipes), and a container that got one could write to the memory of the
 * runtime; or the log file.
 */

import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';

const scene = useScene();

/** Starts the runtime with exactly these descriptors from 3 on. */
const WITH =
  'for fd in 3 4 5 6 7 8 9; do case " $FDS " in *" $fd "*) eval "exec $fd</dev/null";; ' +
  '*) eval "exec $fd<&-";; esac; done; LISTEN_PID=$$ exec "$0" "$@"';

async function run(opened: string, preserve: number, listenFds = 0, log = false): Promise<string> {
  const bundle = scene.bundle('ls -l /proc/self/fd');
  const result = await runProgram(
    [
      ...['bash', '-c', WITH, ...COMMAND, '--root', scene.runtime.root],
      ...(log ? ['--log', join(bundle.path, 'log')] : []),
      ...['run', '--preserve-fds', String(preserve), '--bundle', bundle.path, newId()],
    ],
    { env: { ...process.env, FDS: opened, LISTEN_FDS: String(listenFds) } },
  );
  expect(result.stdout).toBe('');
  expect(result.status).toBe(1);
  return result.stderr;
}

/** Node has something open by then; the executable has the log file, or nothing. */
const OWN =
  /(is not open|is not the caller's \((anon_inode:\[eventpoll\], as the runtime itself has|the log file)\))/;

const refusal = (who: string, fd: number): RegExp =>
  new RegExp(`${who}: descriptor ${String(fd)} ${OWN.source}`);

// A number that is left out gets what Node opens first, wherever the hole is.
test.each([
  ['', 1, 3],
  ['', 7, 3],
  ['3', 2, 4],
  ['4 5', 3, 3],
  ['3 5', 3, 4],
  ['3 4 6', 4, 5],
  ['3 4 5 6 8', 6, 7],
])('with "%s" open, --preserve-fds %i is refused for descriptor %i', async (fds, count, hole) => {
  expect(await run(fds, count)).toMatch(refusal('--preserve-fds', hole));
  expect(await run(fds, count, 0, true)).toMatch(refusal('--preserve-fds', hole));
});

test('LISTEN_FDS is refused in the same way', async () => {
  expect(await run('3', 0, 2)).toMatch(refusal('LISTEN_FDS', 4));
});

test('exec refuses too', async () => {
  const running = await scene.started('exec sleep 1000');
  const result = await scene.runtime(['exec', '--preserve-fds', '2', running.id, 'true'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(result).toMatchObject({ status: 255, stdout: '' });
  expect(result.stderr).toMatch(refusal('--preserve-fds', 3));
  await running.remove();
});
