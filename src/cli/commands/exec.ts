/** `exec` */

import { TsrunError } from '../../errors.js';
import { exec, loadProcess } from '../../lifecycle/exec.js';
import type { ExecOptions } from '../../lifecycle/exec.js';
import { parseProcess } from '../../spec/load.js';
import type { Process } from '../../spec/types.js';
import type { Command, Context } from '../context.js';
import { preservedDescriptors } from '../descriptors.js';
import { readDocument } from '../document.js';
import { execProcess } from '../exec-process.js';
import { attend } from '../foreground/foreground.js';
import { catchSignals } from '../foreground/signals.js';
import { outerSize, Terminal } from '../foreground/terminal.js';
import { given } from '../given.js';
import type { Options } from '../table.js';

export const run: Command<'exec'> = async (context, options, [id = '', ...args]) => {
  const request = await execOptions(context, options, id, args);
  if (options.detach) {
    const { pidfd } = await exec(context.native, request);
    context.native.close(pidfd);
    return 0;
  }
  return runForeground(context.native, request);
};

async function execOptions(
  context: Context,
  options: Options<'exec'>,
  id: string,
  args: readonly string[],
): Promise<ExecOptions> {
  // Before the directory of states is opened, whose descriptor would be taken for one of the caller's.
  const { preserve } = preservedDescriptors(context, options['preserve-fds'] ?? 0, 0);
  const root = context.root();
  const consoleSocket = given(options['console-socket']);
  const pidFile = given(options['pid-file']);
  const pidfdSocket = given(options['pidfd-socket']);
  const cgroup = given(options.cgroup);
  const file = given(options.process);
  return {
    root,
    id,
    process:
      file === undefined
        ? execProcess(loadProcess(context.native, { root, id }), options, args)
        : await readProcess(context, file),
    stdio: [0, 1, 2],
    preserve,
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(cgroup === undefined ? {} : { cgroup }),
    ignorePaused: options['ignore-paused'] ?? false,
    warn: (message) => context.log.warn(message),
  };
}

/** A file of `--process` stands for all options that say the same. */
async function readProcess({ native }: Context, file: string): Promise<Process> {
  const { text, name } = await readDocument(native, file, 'ERR_BUNDLE');
  return parseProcess(text, name);
}

async function runForeground(native: Context['native'], request: ExecOptions): Promise<number> {
  if (request.consoleSocket !== undefined) {
    throw new TsrunError(
      'ERR_CONSOLE',
      'cannot use a console socket: the process is not detached (--detach)',
    );
  }
  const signals = catchSignals(native);
  const { process } = request;
  // The program runs before there is a Terminal to give it a size.
  const consoleSize = process.terminal === true ? outerSize(native) : undefined;
  const executed = await exec(native, {
    ...request,
    ...(consoleSize === undefined ? {} : { process: { ...process, consoleSize } }),
    keepTerminal: true,
  });
  const terminal = executed.terminal === -1 ? undefined : new Terminal(native, executed.terminal);
  try {
    terminal?.start();
    return await attend(native, executed.pidfd, signals, terminal);
  } finally {
    terminal?.close();
    native.close(executed.pidfd);
  }
}
