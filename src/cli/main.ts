/** The program: a command line that has been read, to its exit status. */

import { TsrunError } from '../errors.js';
import { absolutePath } from '../native/absolute-path.js';
import type { Native } from '../native/types.js';
import { StateRoot, defaultRoot } from '../state/root.js';
import type { Command, Context } from './context.js';
import type { Host } from './host.js';
import { Log } from './log.js';
import { print } from './output.js';
import { refuseUnsupported } from './refuse.js';
import type { CommandName, GlobalOptions } from './table.js';
import type { OptionValues, Parsed } from './usage.js';

/**
 * Runs one command to its end. Errors have been told when this returns.
 *
 * @returns the exit status (callers.md)
 */
export async function main(host: Host, parsed: Parsed): Promise<number> {
  const { native } = host;
  const log = new Log(native);
  let status: number;
  try {
    log.open(parsed.globals);
    status = await act(host, log, parsed);
  } catch (error) {
    log.error(describe(error));
    status = failureStatus(parsed);
  }
  await log.flush();
  return status;
}

async function act(host: Host, log: Log, parsed: Parsed): Promise<number> {
  switch (parsed.kind) {
    case 'error':
      throw new TsrunError('ERR_USAGE', parsed.message);
    case 'help':
      await print(host.native, (await import('./help.js')).helpText(parsed.command));
      return 0;
    case 'version':
      await print(host.native, (await import('./version-text.js')).versionText());
      return 0;
    case 'command':
      return runCommand(host, log, parsed.command, parsed.globals, parsed.options, parsed.args);
  }
}

async function runCommand(
  host: Host,
  log: Log,
  command: CommandName,
  globals: GlobalOptions,
  options: OptionValues,
  args: readonly string[],
): Promise<number> {
  refuseUnsupported(command, globals, options);
  if (ANSWERS.includes(command)) log.keepStderrClean();
  const { run } = await load(command);
  // The options were read by the row of this command, whose type load() cannot tell.
  return (run as Command<CommandName>)(new CommandContext(host, log, globals), options, args);
}

/** Their output and standard error are read together by callers. */
const ANSWERS: readonly CommandName[] = ['state', 'ps', 'list', 'features', 'plan'];

/** Each command is a chunk of its own: none pays for another. */
function load(command: CommandName): Promise<{ run: unknown }> {
  switch (command) {
    case 'create':
      return import('./commands/create.js');
    case 'start':
      return import('./commands/start.js');
    case 'run':
      return import('./commands/run.js');
    case 'exec':
      return import('./commands/exec.js');
    case 'state':
      return import('./commands/state.js');
    case 'kill':
      return import('./commands/kill.js');
    case 'delete':
      return import('./commands/delete.js');
    case 'list':
      return import('./commands/list.js');
    case 'ps':
      return import('./commands/ps.js');
    case 'spec':
      return import('./commands/spec.js');
    case 'features':
      return import('./commands/features.js');
    case 'plan':
      return import('./commands/plan.js');
    case 'completion':
      return import('./commands/completion.js');
    case 'pause':
      return import('./commands/pause.js');
    case 'resume':
      return import('./commands/resume.js');
    case 'update':
      return import('./commands/update.js');
    case 'events':
      return import('./commands/events.js');
    case 'checkpoint':
    case 'restore':
    case 'help':
      throw new TsrunError('ERR_UNSUPPORTED', `the command ${command} is not supported yet`);
  }
}

class CommandContext implements Context {
  readonly native: Native;
  private opened: StateRoot | undefined;

  constructor(
    private readonly host: Host,
    readonly log: Log,
    readonly globals: GlobalOptions,
  ) {
    this.native = host.native;
  }

  get environment(): Host['environment'] {
    return this.host.environment;
  }

  root(): StateRoot {
    return (this.opened ??= StateRoot.open(this.native, this.rootPath()));
  }

  private rootPath(): string {
    const { root } = this.globals;
    if (root === undefined) return this.absolute(defaultRoot(this.native, this.environment));
    if (root === '') throw new TsrunError('ERR_USAGE', 'the value of --root is empty');
    return this.absolute(root);
  }

  absolute(path: string): string {
    return absolutePath(this.native, path);
  }
}

/** exec tells its own failures from those of the program by their status. */
function failureStatus(parsed: Parsed): number {
  return parsed.kind === 'command' && parsed.command === 'exec' ? 255 : 1;
}

function describe(error: unknown): string {
  if (error instanceof TsrunError) return error.message;
  return `internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`;
}
