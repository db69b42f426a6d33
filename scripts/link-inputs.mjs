// Links the executable again when a file that it was linked with has changed (npm run build:executable):
//
//   node scripts/link-inputs.mjs check     before a build: removes outdated files, and says why
//   node scripts/link-inputs.mjs record    after it: records the files that were linked, and says which start there is
//                                          if it is the slower one

import { join } from 'node:path';

import { recordLink, removeStaleLinks } from './lib/link-inputs.mjs';
import { whyGlibcStart } from './lib/start.mjs';
import { linkedFiles } from './package/third-party.mjs';

const root = join(import.meta.dirname, '..');
const build = join(root, 'native/build');
switch (process.argv[2]) {
  case 'check':
    for (const file of removeStaleLinks(build, join(root, 'dist/tsrun'))) {
      console.log(`${file} has changed: the executable is linked again`);
    }
    break;
  case 'record': {
    recordLink(build, linkedFiles(build, 'tsrun-executable'));
    const reason = whyGlibcStart(build);
    if (reason !== '')
      console.log(`The executable starts as the C library does, slower: ${reason}`);
    break;
  }
  default:
    throw new Error('usage: node scripts/link-inputs.mjs check|record');
}
