/** `spec --bind`: a file or directory of the host's in the container. */

import { parseMountOptions, withoutEffectOnBind } from '../../plan/mounts/options.js';
import type { Mount } from '../../spec/types.js';
import { invalidValue } from './invalid.js';

/** Without one of these the kernel's default is a bind mount of one file system only. */
const KINDS: readonly string[] = ['bind', 'rbind'];

/** @param text SOURCE:DESTINATION[:OPTION,...]; a source or destination with a colon cannot be written so */
export function bindMount(text: string): Mount {
  const [source = '', destination = '', options = '', ...rest] = text.split(':');
  if (source === '' || !destination.startsWith('/') || rest.length > 0) {
    throw invalidValue('bind', text, 'SOURCE:DESTINATION[:OPTIONS] with an absolute destination');
  }
  const given = options === '' ? [] : options.split(',');
  // `r0` for `ro` would leave the container a directory that it can write to.
  const [unknown] = withoutEffectOnBind(parseMountOptions(given));
  if (unknown !== undefined) {
    throw invalidValue('bind', text, `options of a bind mount, and not ${JSON.stringify(unknown)}`);
  }
  return {
    destination,
    type: 'bind',
    source,
    options: given.some((option) => KINDS.includes(option)) ? given : ['rbind', ...given],
  };
}
