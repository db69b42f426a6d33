/** What managers need in the guest, besides what is there for all tests. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

import { writePackage } from '../../support/package.js';
import { writeImages } from './image.js';

const HERE = dirname(fileURLToPath(import.meta.url));

/** Adds tsrun's package, images (images.tar) and the client of the Container Runtime Interface (cri-server.cjs). */
export function fillForManagers(share: string): void {
  writeImages(join(share, 'images.tar'), {
    'localhost/busybox:latest': ['sh'],
    'localhost/pause:1': ['sleep', '1000000'],
  });
  writePackage(share);
  buildSync({
    entryPoints: [join(HERE, 'cri-server.ts')],
    outfile: join(share, 'cri-server.cjs'),
    ...{ bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' },
  });
}
