/** Putting limits into force. */

import { TsrunError } from '../../errors.js';
import { ENOENT, EOPNOTSUPP, W_OK } from '../../native/constants.js';
import type { Native } from '../../native/types.js';
import { entrance } from '../record.js';
import type { CgroupRecord } from '../record.js';
import { enableControllers } from './enable.js';
import type { Refusal } from './enable.js';
import { whyMissing } from './missing.js';
import { earlierValue } from './restore.js';
import type { CgroupWrite } from './write.js';

/** The longest file that is kept to be put back. */
const FILE_MAX = 64 * 1024;

export interface LimitTarget {
  /** Mount point of the v2 hierarchy. */
  root: string;
  /** Directory of the cgroup. */
  directory: string;
  /** It was made just now, and goes when a limit cannot be set: nothing is to be put back. */
  fresh: boolean;
}

/** A file that was written to, and what it takes to put it back; undefined when nothing does. */
interface Written {
  file: string;
  earlier: string | undefined;
}

/** Limits that are in force. */
export interface Applied {
  /** Takes them back; the files that stay as they are now. */
  undo(): string[];
}

/**
 * Does the writes in order. Controllers are switched on when a file is not
 * there, so that the usual case costs nothing. When a write fails, those before
 * it are taken back.
 *
 * @throws TsrunError ERR_CGROUP with the pointer; it names the files that could
 *   not be put back
 */
export function applyLimits(
  native: Native,
  target: LimitTarget,
  writes: readonly CgroupWrite[],
): Applied {
  let refusals: Map<string, Refusal> | undefined;
  const written: Written[] = [];
  const enable = (): Map<string, Refusal> => {
    try {
      return (refusals ??= enableControllers(native, target.root, target.directory));
    } catch (error) {
      throw withLost(error, putBack(native, target.directory, written));
    }
  };
  for (const write of writes) {
    if (target.fresh && write.isDefault === true) continue;
    let outcome = perform(native, target, write, written);
    if (outcome.status === -ENOENT && write.isDefault !== true) {
      if (refusals === undefined) {
        enable();
        outcome = perform(native, target, write, written);
      }
      if (outcome.status === -ENOENT && write.mayLack === true) continue;
    }
    const { status, file } = outcome;
    if (status === 0 || (status === -ENOENT && write.isDefault === true)) continue;
    const reason =
      status === -ENOENT
        ? whyMissing(native, target.root, target.directory, file, enable())
        : native.strerror(-status);
    throw failed(native, target, { ...outcome, pointer: write.pointer }, reason, written);
  }
  return { undo: () => putBack(native, target.directory, written) };
}

/**
 * The same in its subgroup too, where a container looks for them: there they bind nobody who can
 * mount the hierarchy, and so they are not what is relied on.
 *
 * @throws TsrunError as applyLimits()
 */
export function applyToBoth(
  native: Native,
  { root, fresh, record }: Omit<LimitTarget, 'directory'> & { record: CgroupRecord },
  writes: readonly CgroupWrite[],
): Applied {
  const applied = applyLimits(native, { root, directory: record.path, fresh }, writes);
  if (record.subgroup === undefined) return applied;
  const target = { root, directory: entrance(record).path, fresh };
  try {
    const shown = applyLimits(
      native,
      target,
      // What is about the cgroup itself, as how many there may be below it.
      writes.filter(({ file }) => !file.startsWith('cgroup.')),
    );
    return { undo: () => [...shown.undo(), ...applied.undo()] };
  } catch (error) {
    throw withLost(error, applied.undo());
  }
}

/**
 * Finds out that a file is missing before anything is written: what is in use
 * is not to be changed half.
 *
 * @throws TsrunError ERR_CGROUP with the pointer
 */
export function requireFiles(
  native: Native,
  target: LimitTarget,
  writes: readonly CgroupWrite[],
): void {
  let refusals: Map<string, Refusal> | undefined;
  const access = (file: string): number => native.access(`${target.directory}/${file}`, W_OK);
  const check = ({ file, fallback }: CgroupWrite): number => {
    const status = access(file);
    return status === -ENOENT && fallback !== undefined ? access(fallback.file) : status;
  };
  for (const write of writes) {
    if (write.isDefault === true) continue;
    let status = check(write);
    if (status === -ENOENT && refusals === undefined) {
      refusals = enableControllers(native, target.root, target.directory);
      status = check(write);
    }
    if (status === 0 || (status === -ENOENT && write.mayLack === true)) continue;
    const file = write.fallback?.file ?? write.file;
    const reason =
      status === -ENOENT && refusals !== undefined
        ? whyMissing(native, target.root, target.directory, file, refusals)
        : native.strerror(-status);
    throw failed(native, target, { ...write, status }, reason, []);
  }
}

/** How a write went; of a write with a fallback, the one that says more. */
interface Outcome {
  file: string;
  value: string;
  /** 0 or a negated errno. */
  status: number;
}

function perform(
  native: Native,
  target: LimitTarget,
  write: CgroupWrite,
  written: Written[],
): Outcome {
  const { file, value, fallback } = write;
  const first = { file, value, status: writeFile(native, target, file, value, written) };
  const isFinal = first.status !== -ENOENT && first.status !== -EOPNOTSUPP;
  if (fallback === undefined || isFinal) return first;
  const status = writeFile(native, target, fallback.file, fallback.value, written);
  return status === -ENOENT && first.status !== -ENOENT ? first : { ...fallback, status };
}

function writeFile(
  native: Native,
  { directory, fresh }: LimitTarget,
  file: string,
  value: string,
  written: Written[],
): number {
  const path = `${directory}/${file}`;
  const before = fresh ? undefined : native.readText(path, FILE_MAX);
  const status = native.writeText(path, value);
  if (status < 0) return status;
  if (!fresh) {
    const earlier = typeof before === 'string' ? earlierValue(file, value, before) : undefined;
    written.push({ file, earlier });
  }
  return 0;
}

function failed(
  native: Native,
  target: LimitTarget,
  { pointer, file, value, status }: Outcome & { pointer: string },
  reason: string,
  written: readonly Written[],
): TsrunError {
  const lost = putBack(native, target.directory, written);
  const shown = value.length > 80 ? `${value.slice(0, 80)}...` : value.trim();
  const place = `${target.directory}/${file}`;
  return new TsrunError(
    'ERR_CGROUP',
    `${pointer}: cannot write "${shown}" to ${place}: ${reason}${describeLost(lost)}`,
    { errno: -status, pointer },
  );
}

/** Tells also of the files that stay as they are now, if there are any. */
export function withLost(error: unknown, files: readonly string[]): unknown {
  const lost = describeLost(files);
  if (lost === '' || !(error instanceof TsrunError)) return error;
  return new TsrunError(error.code, error.message + lost, {
    ...(error.errno === undefined ? {} : { errno: error.errno }),
    ...(error.pointer === undefined ? {} : { pointer: error.pointer }),
  });
}

/** For the end of a message: the files that stay as they are now, if there are any. */
function describeLost(files: readonly string[]): string {
  if (files.length === 0) return '';
  return `; what was written before could not be put back: ${files.join(', ')}`;
}

/** @returns the files that stay as they are now */
function putBack(native: Native, directory: string, written: readonly Written[]): string[] {
  const lost = new Set<string>();
  for (let i = written.length - 1; i >= 0; i--) {
    const entry = written[i];
    if (entry === undefined) continue;
    const { file, earlier } = entry;
    if (earlier === undefined || native.writeText(`${directory}/${file}`, earlier) < 0) {
      lost.add(file);
    }
  }
  return [...lost].sort();
}
