/** Images for managers, without a registry: what `docker save` would have written. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeRootfs } from '../../../support/bundle.js';

/**
 * Writes an archive of images that all have busybox's root file system.
 *
 * @param commands of each image, by its name with the tag
 */
export function writeImages(file: string, commands: Record<string, string[]>): void {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-image-'));
  try {
    const rootfs = join(directory, 'rootfs');
    const content = join(directory, 'content');
    mkdirSync(content);
    makeRootfs(rootfs);
    const archive = (to: string, from: string): void => {
      execFileSync('tar', ['--owner=0', '--group=0', '-C', from, '-cf', to, '.']);
    };
    archive(join(content, 'layer.tar'), rootfs);
    const layer = digest(readFileSync(join(content, 'layer.tar')));
    const manifest = Object.entries(commands).map(([name, command]) => {
      const config = JSON.stringify({
        ...{ architecture: 'amd64', os: 'linux', created: '2026-01-01T00:00:00Z' },
        config: { Cmd: command, Env: ['PATH=/usr/local/bin:/usr/bin:/bin'] },
        rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
      });
      const path = `${digest(config)}.json`;
      writeFileSync(join(content, path), config);
      return { Config: path, RepoTags: [name], Layers: ['layer.tar'] };
    });
    writeFileSync(join(content, 'manifest.json'), JSON.stringify(manifest));
    archive(file, content);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function digest(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
