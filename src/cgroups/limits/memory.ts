/**
 * linux.resources.memory → memory.max, memory.low, memory.swap.max
 * (Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files").
 *
 * All in bytes; -1 is no limit, 0 is not set. The specification's `swap` is
 * memory and swap together, as in v1; memory.swap.max is swap alone.
 */

import { TsrunError } from '../../errors.js';
import { readIfThere } from '../../native/look.js';
import type { Native } from '../../native/types.js';
import type { LinuxMemory } from '../../spec/types.js';
import { given } from './write.js';
import type { CgroupWrite, Current } from './write.js';

const UNLIMITED = -1n;

/** Namespaces and a helper are some hundred KiB of the kernel's memory. */
const SMALL = 4 << 20;

/**
 * Whether what it takes to make the container could be too much for it. Its
 * first process then enters the cgroup when the namespaces are there, and what
 * they take is the caller's.
 */
export function isSmall(writes: readonly CgroupWrite[]): boolean {
  return writes.some(({ file, value }) => file === 'memory.max' && !isLarge(value.trim()));
}

/**
 * Whether the memory of what is in a cgroup is limited, by itself or by one above.
 *
 * @param root of the hierarchy
 * @param path of the cgroup's directory
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function isMemoryLimited(native: Native, root: string | undefined, path: string): boolean {
  for (let at = path; at.length > (root?.length ?? 0); at = at.slice(0, at.lastIndexOf('/'))) {
    const limit = readIfThere(native, `${at}/memory.max`, LIMIT_FILE_MAX, 'ERR_CGROUP');
    if (limit !== undefined && limit.trim() !== 'max') return true;
  }
  return false;
}

const LIMIT_FILE_MAX = 64;

const SUFFIXES = ' KMGTPE';

/** `unified` may hold what only the kernel reads, `0x100000`: of that it is not known. */
function isLarge(text: string): boolean {
  if (text === 'max') return true;
  const [, number = '0', suffix = ''] = /^([1-9][0-9]*)([KMGTPE]?)$/i.exec(text) ?? [];
  return Number(number) * 1024 ** SUFFIXES.indexOf(suffix.toUpperCase() || ' ') >= SMALL;
}

/** @throws TsrunError ERR_CONFIG_INVALID for a `swap` that no memory.swap.max can stand for */
export function memoryWrites(
  memory: LinuxMemory,
  at: string,
  current: Current | undefined,
): CgroupWrite[] {
  const limit = given(memory.limit);
  const reservation = given(memory.reservation);
  const writes: CgroupWrite[] = [];
  const swap = swapMaximum(limit, given(memory.swap), at, current);
  if (swap !== undefined) {
    writes.push({
      ...amount(
        'memory.swap.max',
        swap,
        given(memory.swap) === undefined ? `${at}/limit` : `${at}/swap`,
      ),
      // Without swap in the kernel none can be used.
      ...(swap === 0n ? { mayLack: true } : {}),
    });
  }
  if (reservation !== undefined) {
    writes.push(
      reservation === UNLIMITED
        ? { file: 'memory.low', value: 'max', pointer: `${at}/reservation` }
        : amount('memory.low', reservation, `${at}/reservation`),
    );
  }
  if (limit !== undefined) writes.push(amount('memory.max', limit, `${at}/limit`));
  return writes;
}

function amount(file: string, bytes: bigint, pointer: string): CgroupWrite {
  return bytes === UNLIMITED
    ? { file, value: 'max', pointer, isDefault: true }
    : { file, value: String(bytes), pointer };
}

/** Swap alone in bytes, UNLIMITED, or undefined to leave it. */
function swapMaximum(
  limit: bigint | undefined,
  together: bigint | undefined,
  at: string,
  current: Current | undefined,
): bigint | undefined {
  if (together === undefined) {
    // In v1 memory without a limit means swap without one, too.
    if (limit === undefined || limit === UNLIMITED) return limit;
    return keptTogether(limit, at, current);
  }
  if (together === UNLIMITED || limit === UNLIMITED) return together;
  const memory = limit ?? bytesIn(current?.('memory.max'));
  if (memory === undefined) {
    if (current !== undefined) return together;
    throw invalid(`${at}/swap`, 'cannot be limited without a limit of memory');
  }
  if (together < memory) {
    throw invalid(
      `${at}/swap`,
      `is memory and swap together, and below the limit of memory, ${memory}`,
    );
  }
  return together - memory;
}

/** A new limit of memory alone does not change the limit of both together. */
function keptTogether(limit: bigint, at: string, current: Current | undefined): bigint | undefined {
  const memory = bytesIn(current?.('memory.max'));
  const swap = bytesIn(current?.('memory.swap.max'));
  if (memory === undefined || swap === undefined || memory === limit) return undefined;
  if (limit > memory + swap) {
    throw invalid(
      `${at}/limit`,
      `is above the limit of memory and swap together, ${memory + swap}: change swap as well`,
    );
  }
  return memory + swap - limit;
}

function bytesIn(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+\n?$/.test(text) ? BigInt(text.trim()) : undefined;
}

function invalid(pointer: string, message: string): TsrunError {
  return new TsrunError('ERR_CONFIG_INVALID', `${pointer}: ${message}`, { pointer });
}

/**
 * checkBeforeUpdate: with v2 the kernel reclaims and kills to come below a new
 * limit. The specification wants such a limit refused, as v1 does it.
 *
 * @throws TsrunError ERR_CGROUP
 */
export function checkUsage(memory: LinuxMemory, at: string, current: Current): void {
  if (memory.checkBeforeUpdate !== true) return;
  const usage = bytesIn(current('memory.current'));
  if (usage === undefined) return;
  for (const name of ['limit', 'swap'] as const) {
    const value = given(memory[name]);
    if (value === undefined || value < 0n || value > usage) continue;
    const pointer = `${at}/${name}`;
    throw new TsrunError(
      'ERR_CGROUP',
      `${pointer}: refused, ${value} is not above the ${usage} bytes in use (checkBeforeUpdate)`,
      { pointer },
    );
  }
}
