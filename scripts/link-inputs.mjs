// Links the executable again when a file that it was linked with has changed (npm run build:executable):
//
//   node scripts/link-inputs.mjs check     before a build: removes outdated files, and says why
//   node scripts/link-inputs.mjs record    after it: records the files that were linked

import { join } from 'node:path';

import { recordLink, removeStaleLinks } from './lib/link-inputs.mjs';
import { linkedFiles } from './package/third-party.mjs';

const root = join(import.meta.dirname, '..');
const build = join(root, 'native/build');
switch (process.argv[2]) {
  case 'check':
    for (const file of removeStaleLinks(build, join(root, 'dist/tsrun'))) {
      console.log(`${file} has changed: the executable is linked again`);
    }
    break;
  case 'record':
    recordLink(build, linkedFiles(build, 'tsrun-executable'));
    break;
  default:
    throw new Error('usage: node scripts/link-inputs.mjs check|record');
}
