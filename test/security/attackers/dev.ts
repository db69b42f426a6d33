/** A /dev that belongs to who made the image, in which no device of ours is made. */

import type { Spec } from '../../../src/spec/types.js';

/** @param source of the bind mount, by default the directory `volume` of the bundle */
export function devVolume(spec: Spec, source = 'volume'): void {
  const others = spec.mounts?.filter(({ destination }) => !/^\/dev(\/[ms].*)?$/.test(destination));
  spec.mounts = [{ destination: '/dev', source, options: ['bind'] }, ...(others ?? [])];
}
