/** `events` */

import { TsrunError } from '../../errors.js';
import { events, stats } from '../../lifecycle/events.js';
import type { ContainerEvent } from '../../lifecycle/events.js';
import type { Command } from '../context.js';
import { eventLine } from '../event-json.js';
import { print } from '../output.js';

/** As with runc. */
const INTERVAL = '5s';

export const run: Command<'events'> = async (context, options, [id = '']) => {
  const { native } = context;
  const name = { root: context.root(), id };
  const interval = milliseconds(options.interval ?? INTERVAL);
  const tell = (event: ContainerEvent): Promise<void> => print(native, eventLine(id, event));
  if (options.stats === true) {
    await tell({ type: 'stats', stats: await stats(native, name) });
    return 0;
  }
  for await (const event of events(native, name, interval)) {
    // Callers know no event for the end: the output ends.
    if (event.type !== 'exit') await tell(event);
  }
  return 0;
};

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * A duration as Go writes it: 5s, 1m30s, 0.5h.
 *
 * @returns at least 1
 * @throws TsrunError ERR_USAGE
 */
export function milliseconds(text: string): number {
  const parts = text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|ms|s|m|h)/g);
  let total = 0;
  let read = '';
  for (const [part, number, unit] of parts) {
    read += part;
    total += Number(number) * (UNITS[unit ?? ''] ?? 0);
  }
  if (read !== text || !(total > 0)) {
    throw new TsrunError(
      'ERR_USAGE',
      `invalid value ${JSON.stringify(text)} for --interval: it must be a duration greater than 0, such as 5s`,
    );
  }
  return Math.max(1, total);
}
