/** The Debian package of what is built, for the guest: made once for the whole suite. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..');
/** In the shared directory. */
export const PACKAGE_FILE = 'tsrun_test.deb';

/** Puts the package of what is built into the shared directory. */
export function writePackage(share: string): void {
  const output = mkdtempSync(join(tmpdir(), 'tsrun-package-'));
  try {
    const make = [join(REPOSITORY, 'scripts/package.mjs'), '--only', 'debian', output];
    execFileSync(process.execPath, make, { stdio: ['ignore', 'ignore', 'inherit'] });
    const name = readdirSync(output).find((file) => file.endsWith('.deb')) ?? '';
    copyFileSync(join(output, name), join(share, PACKAGE_FILE));
  } finally {
    rmSync(output, { recursive: true });
  }
}
