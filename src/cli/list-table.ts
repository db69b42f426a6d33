/** The table that `list` prints. */

import type { ListRow } from '../lifecycle/state.js';
import { columns } from './columns.js';

export function listTable(rows: readonly ListRow[]): string {
  return columns([
    ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'],
    ...rows.map(({ id, pid, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]),
  ]);
}
