/** What the guest's agent finds in the shared directory. */

import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeRootfs } from '../../support/bundle.js';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** The programs under test, and a root file system for containers. */
export function fill(share: string): void {
  const bin = join(share, 'bin');
  mkdirSync(bin);
  copyFileSync(process.env['TSRUN_VM_CLI'] ?? join(REPOSITORY, 'dist/tsrun'), join(bin, 'tsrun'));
  chmodSync(join(bin, 'tsrun'), 0o755);
  makeRootfs(join(share, 'rootfs'));
}
