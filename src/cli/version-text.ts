/** `--version`: what go-runc and people read (callers.md). */

import { COMMIT, SPEC_VERSION, VERSION } from '../version.js';

export function versionText(): string {
  return `tsrun version ${VERSION}\ncommit: ${COMMIT}\nspec: ${SPEC_VERSION}\n`;
}
