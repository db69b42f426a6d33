/** linux.timeOffsets (time_namespaces(7)). */

import type { Linux } from '../spec/types.js';

/** Lines for /proc/PID/timens_offsets; empty when no clock is moved. */
export function timeOffsetLines(offsets: NonNullable<Linux['timeOffsets']> | undefined): string {
  let lines = '';
  for (const clock of ['monotonic', 'boottime'] as const) {
    const offset = offsets?.[clock];
    if (offset !== undefined) lines += `${clock} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n`;
  }
  return lines;
}
