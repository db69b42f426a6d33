/** `run`: create, start, wait, delete. */

import { TsrunError } from '../../errors.js';
import { create } from '../../lifecycle/create.js';
import type { CreateOptions, Created } from '../../lifecycle/create.js';
import { deleteContainer } from '../../lifecycle/delete.js';
import { start } from '../../lifecycle/start.js';
import { SIGCHLD } from '../../native/constants.js';
import type { Command, Context } from '../context.js';
import { attend } from '../foreground/foreground.js';
import { Orphans } from '../foreground/orphans.js';
import { catchSignals } from '../foreground/signals.js';
import { Terminal } from '../foreground/terminal.js';
import { notifySocket } from '../given.js';
import { createOptions } from '../new-container.js';
import type { ContainerState } from '../../state/state.js';
import type { Options } from '../table.js';

export const run: Command<'run'> = async (context, options, [id = '']) => {
  const request = createOptions(context, options, id);
  if (options.detach) return runDetached(context, request);
  return runForeground(context, options, request);
};

async function runDetached(context: Context, request: CreateOptions): Promise<number> {
  const { native } = context;
  const created = await create(native, { ...request, keepLock: true });
  try {
    const started = await start(native, {
      ...request,
      ...notifySocket(context.environment),
      created,
    });
    await started.ready;
  } catch (error) {
    created.reserve?.release();
    await removeAfterFailure(context, request);
    throw error;
  } finally {
    native.close(created.pidfd);
  }
  return 0;
}

async function runForeground(
  context: Context,
  options: Options<'run'>,
  request: CreateOptions,
): Promise<number> {
  const { native } = context;
  if (request.consoleSocket !== undefined) {
    throw new TsrunError(
      'ERR_CONSOLE',
      'cannot use a console socket: the container is not detached (--detach)',
    );
  }
  const signals = catchSignals(native, [SIGCHLD]);
  // Before anything runs in the container: what loses its parent there comes to us.
  if (options['no-subreaper'] !== true) native.setSubreaper(true);
  const created = await create(native, { ...request, keepTerminal: true, keepLock: true });
  let status: number;
  try {
    status = await runToEnd(context, request, created, signals);
  } catch (error) {
    created.lock?.release();
    created.reserve?.release();
    await removeAfterFailure(context, request);
    throw error;
  } finally {
    native.close(created.pidfd);
  }
  created.reserve?.release();
  if (options.keep !== true) await removeEnded(context, request, created.state);
  return status;
}

async function runToEnd(
  context: Context,
  request: CreateOptions,
  created: Created,
  signals: number,
): Promise<number> {
  const { native } = context;
  const terminal = created.terminal === -1 ? undefined : new Terminal(native, created.terminal);
  const orphans = new Orphans(native, created.state.pid);
  try {
    terminal?.start();
    const started = await start(native, {
      ...request,
      ...notifySocket(context.environment),
      created,
    });
    await context.log.flush();
    started.ready?.catch((error: unknown) => {
      if (error instanceof TsrunError) context.log.warn(error.message);
    });
    // Only now: so far hooks were our children, too.
    return await attend(native, created.pidfd, signals, terminal, {
      [SIGCHLD]: () => orphans.reap(),
    });
  } finally {
    orphans.stop();
    terminal?.close();
  }
}

/** With what is left of it: a process of the container may outlive the first one. */
async function remove(
  context: Context,
  { root, id, hookEnvironment, warn }: CreateOptions,
  ended?: ContainerState,
): Promise<void> {
  const known = {
    ...(ended === undefined ? {} : { ended }),
    ...(hookEnvironment === undefined ? {} : { hookEnvironment }),
  };
  await deleteContainer(context.native, { root, id, warn, force: true, ...known });
}

/** What a moment's lack of memory or descriptors keeps from being removed is gone at another try. */
const TRIES = 3;

/** The program has ended, and its status is the caller's: what cannot be removed is told beside it. */
async function removeEnded(
  context: Context,
  request: CreateOptions,
  state: ContainerState,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      // After a failure it is found out again how far the removal came.
      await remove(context, request, tries === 1 ? state : undefined);
      return;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      if (tries < TRIES) continue;
      context.log.error(
        `container "${request.id}" has ended, and is left (delete --force removes it): ${reason}`,
      );
      return;
    }
  }
}

/** The failure before is what the caller is told as the error. */
async function removeAfterFailure(context: Context, request: CreateOptions): Promise<void> {
  try {
    await remove(context, request);
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    request.warn(error.message);
  }
}
