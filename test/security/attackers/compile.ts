/** Compiles an attacker into a root file system, static, so that it needs nothing there. */

import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));

/** @returns its path inside */
export function compileAttacker(
  name: 'exchange' | 'keyring' | 'looker' | 'reacher' | 'stopper' | 'writer',
  rootfs: string,
): string {
  execFileSync('cc', [
    ...['-static', '-O2', '-Wall', '-Wextra', '-Werror'],
    ...['-o', join(rootfs, name), join(HERE, `${name}.c`)],
  ]);
  return `/${name}`;
}
