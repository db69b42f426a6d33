/** The program under test: faults are made in the executable, which has one thread. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const BUILT = join(import.meta.dirname, '../../../dist/tsrun');

export function executable(): string {
  const { TSRUN_CLI: path = BUILT } = process.env;
  if (!existsSync(path)) throw new Error(`no executable: ${path} (npm run build)`);
  return path;
}
