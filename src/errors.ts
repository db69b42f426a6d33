/**
 * The one error type of tsrun.
 *
 * A message is lower case and says what was being done, to what, and why it
 * failed. `code` is stable: programs match on it, never on the text.
 */

import type { Problem } from './spec/problem.js';

/** Stable names of the ways in which tsrun fails. */
export type ErrorCode =
  /** config.json is not JSON, or not a valid configuration. */
  | 'ERR_CONFIG_INVALID'
  /** The configuration asks for something that tsrun does not support. */
  | 'ERR_UNSUPPORTED'
  /** The bundle or its config.json cannot be read. */
  | 'ERR_BUNDLE'
  /** The container id is not one that tsrun accepts. */
  | 'ERR_ID_INVALID'
  /** A container of that id exists already. */
  | 'ERR_EXISTS'
  /** No container of that id exists. */
  | 'ERR_NOT_FOUND'
  /** The container is not in the state that the operation needs. */
  | 'ERR_WRONG_STATE'
  /** The container's process has ended. */
  | 'ERR_NOT_RUNNING'
  /** The program to be run is not there or cannot be executed. */
  | 'ERR_EXEC'
  /** A hook failed or ran into its timeout. */
  | 'ERR_HOOK'
  /** The kernel refused a step of making or changing a container. */
  | 'ERR_SYSTEM'
  /** The state directory cannot be read or written. */
  | 'ERR_STATE'
  /** A control group cannot be made, changed or removed. */
  | 'ERR_CGROUP'
  /** The caller lacks a privilege that the operation needs. */
  | 'ERR_PERMISSION'
  /** A console, pid-file or other socket of the caller's is unusable. */
  | 'ERR_CONSOLE'
  /** A filter of system calls cannot be made, or would keep the container from starting. */
  | 'ERR_SECCOMP'
  /** The command line is wrong. */
  | 'ERR_USAGE';

export interface ErrorDetails {
  /** errno of the kernel's refusal (positive), where there is one. */
  errno?: number;
  /** JSON pointer into config.json of what asked for the failed step. */
  pointer?: string;
  /** Everything that is wrong with a document, where more than one thing can be. */
  problems?: readonly Problem[];
}

export class TsrunError extends Error {
  override readonly name = 'TsrunError';
  readonly code: ErrorCode;
  readonly errno: number | undefined;
  readonly pointer: string | undefined;
  readonly problems: readonly Problem[] | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.errno = details.errno;
    this.pointer = details.pointer;
    this.problems = details.problems;
  }
}
