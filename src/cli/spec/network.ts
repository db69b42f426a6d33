/** `spec --network`: which network the container is in. */

import type { LinuxNamespace } from '../../spec/types.js';
import { invalidValue } from './invalid.js';

/**
 * @param text `none`: a network of its own, with nothing but loopback; `host`:
 * that of the caller; else the path of a network namespace
 */
export function withNetwork(namespaces: readonly LinuxNamespace[], text: string): LinuxNamespace[] {
  const others = namespaces.filter(({ type }) => type !== 'network');
  if (text === 'host') return others;
  if (text === 'none') return [...others, { type: 'network' }];
  if (!text.startsWith('/')) {
    throw invalidValue('network', text, 'none, host or the absolute path of a network namespace');
  }
  return [...others, { type: 'network', path: text }];
}
