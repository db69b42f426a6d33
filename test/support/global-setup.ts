/** Before the layers that run the program: where it is when not everybody may enter the checkout. */

import { chmodSync, cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Whether any user may pass every directory down to it. */
function isReachable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Tests run the program as users who may not enter root's home: they get a copy
 * of what it needs. Workers have TSRUN_CLI from the environment.
 */
export default function setup(): (() => void) | undefined {
  if (process.env['TSRUN_CLI'] !== undefined || isReachable(REPOSITORY)) return undefined;
  const copy = mkdtempSync(join(tmpdir(), 'tsrun-program-'));
  chmodSync(copy, 0o755);
  const parts = ['dist', 'package.json', 'spec', 'native/build/Release', 'node_modules/commander'];
  for (const part of parts) {
    cpSync(join(REPOSITORY, part), join(copy, part), { recursive: true });
  }
  process.env['TSRUN_CLI'] = `${process.execPath} ${join(copy, 'dist/cli/main-node.js')}`;
  return () => {
    rmSync(copy, { recursive: true, force: true });
  };
}
