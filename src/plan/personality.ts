/** linux.personality (personality(2)). */

import type { LinuxPersonality } from '../spec/types.js';
import { unsupported } from './invalid.js';
import type { Step } from './steps.js';

/** linux/personality.h */
const DOMAIN: Readonly<Record<LinuxPersonality['domain'], number>> = { LINUX: 0, LINUX32: 8 };

export function planPersonality(personality: LinuxPersonality | undefined): Step[] {
  if (personality === undefined) return [];
  const at = '/linux/personality';
  // The spec names no flag yet, so any is one that nobody knows the meaning of.
  if (personality.flags !== undefined && personality.flags.length > 0) {
    throw unsupported(`${at}/flags`, `unknown flag ${personality.flags.join(', ')}`);
  }
  return [{ op: 'personality', at, persona: DOMAIN[personality.domain] }];
}
