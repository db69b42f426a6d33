/** The virtual machine that is not started. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';

import { boot } from '../../vm/support/machine.js';

test('what cannot be put into its directory is an error, and the directory is not left', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-no-machine-'));
  vi.stubEnv('TMPDIR', directory);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });
  const requirements = { qemu: '', virtiofsd: '', kernel: '', vmlinuz: '' };
  const booting = boot(requirements, () => {
    throw new Error('no package');
  });
  await expect(booting).rejects.toThrow('no package');
  expect(readdirSync(directory)).toEqual([]);
});
