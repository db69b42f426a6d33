/** The table that `list` prints. */

import type { StateView } from '../lifecycle/state.js';
import { columns } from './columns.js';

export function listTable(views: readonly StateView[]): string {
  return columns([
    ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'],
    ...views.map((view) => [
      view.id,
      String(view.pid),
      view.status,
      view.bundle,
      view.created,
      view.owner,
    ]),
  ]);
}
