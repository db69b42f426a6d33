/** What `update` is asked to change: a resources object in a file, or options. */

import { TsrunError } from '../errors.js';
import { parseResources, requireResources } from '../spec/load.js';
import type { LinuxResources } from '../spec/types.js';
import type { Context } from './context.js';
import { readDocument } from './document.js';
import { tooLittleMemory } from './least-memory.js';
import type { Options } from './table.js';

/** Options that are one field of linux.resources.cpu each: 64-bit integers. */
const CPU_OPTIONS = {
  'cpu-period': 'period',
  'cpu-quota': 'quota',
  'cpu-burst': 'burst',
  'cpu-share': 'shares',
  'cpu-rt-period': 'realtimePeriod',
  'cpu-rt-runtime': 'realtimeRuntime',
  'cpu-idle': 'idle',
} as const;

/** The same for linux.resources.memory: numbers of bytes. */
const MEMORY_OPTIONS = {
  memory: 'limit',
  'memory-reservation': 'reservation',
  'memory-swap': 'swap',
} as const;

/** @throws TsrunError ERR_USAGE, ERR_CONFIG_INVALID */
export async function requestedResources(
  context: Context,
  options: Options<'update'>,
): Promise<LinuxResources> {
  const { resources: file, help: _, ...others } = options;
  if (file === undefined || file === '') return fromOptions(context, others);
  const [more] = Object.keys(others);
  if (more !== undefined) {
    throw new TsrunError('ERR_USAGE', `cannot use --${more} together with --resources`);
  }
  const { text, name } = await readDocument(context.native, file, 'ERR_USAGE');
  return parseResources(text, name);
}

function fromOptions(context: Context, options: Options<'update'>): LinuxResources {
  const cpu: Record<string, unknown> = {};
  const memory: Record<string, unknown> = {};
  for (const [option, field] of Object.entries(CPU_OPTIONS)) {
    const text = options[option as keyof typeof CPU_OPTIONS];
    if (text !== undefined && text !== '') cpu[field] = integer(option, text);
  }
  for (const [option, field] of Object.entries(MEMORY_OPTIONS)) {
    const text = options[option as keyof typeof MEMORY_OPTIONS];
    if (text === undefined || text === '') continue;
    const limit = bytes(option, text);
    const least = option === 'memory' ? tooLittleMemory(limit) : undefined;
    if (least !== undefined) throw invalid(option, text, least);
    memory[field] = limit;
  }
  if (options['cpuset-cpus']) cpu['cpus'] = options['cpuset-cpus'];
  if (options['cpuset-mems']) cpu['mems'] = options['cpuset-mems'];
  for (const option of ['kernel-memory', 'kernel-memory-tcp'] as const) {
    if (options[option]) context.log.warn(`--${option} is ignored: v2 counts it as memory`);
  }
  const weight = options['blkio-weight'];
  const pids = options['pids-limit'];
  return requireResources(
    {
      ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
      ...(Object.keys(memory).length === 0 ? {} : { memory }),
      ...(weight ? { blockIO: { weight } } : {}),
      ...(pids === undefined ? {} : { pids: { limit: pids } }),
    },
    'the options',
  );
}

function integer(option: string, text: string): number | bigint {
  if (!/^-?\d{1,20}$/.test(text)) {
    throw invalid(option, text, 'a whole number');
  }
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** As Docker writes sizes: 512m, 1.5g, 1GiB, 100 kb; powers of 1024. -1 is no limit. */
export function bytes(option: string, text: string): number | bigint {
  if (text === '-1') return -1;
  const match = /^(\d{1,20})(\.\d+)? ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) throw invalid(option, text, 'a size such as 512m, or -1');
  const [, whole = '0', part = '', unit = ''] = match;
  const scale = 1024n ** BigInt(' kmgtp'.indexOf(unit.toLowerCase() || ' '));
  const total = BigInt(whole) * scale + BigInt(Math.floor(Number(`0${part}`) * Number(scale)));
  return total <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(total) : total;
}

function invalid(option: string, text: string, expected: string): TsrunError {
  return new TsrunError(
    'ERR_USAGE',
    `invalid value ${JSON.stringify(text)} for --${option}: it must be ${expected}`,
  );
}
