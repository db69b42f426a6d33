import type { Spec } from '../types.js';
import type { Report } from './rule.js';

/** One path cannot be two devices. */
export function conflictingDevices(spec: Spec, report: Report): void {
  const seen = new Map<string, { index: number; node: string }>();
  spec.linux?.devices?.forEach((device, index) => {
    const path = device.path.replace(/\/+/g, '/');
    const { type, major, minor } = device;
    const node =
      type === 'p' ? 'p' : `${type === 'u' ? 'c' : type} ${String(major)}:${String(minor)}`;
    const earlier = seen.get(path);
    if (earlier === undefined) {
      seen.set(path, { index, node });
    } else if (earlier.node !== node) {
      report(
        `/linux/devices/${String(index)}`,
        `is another device at the path of /linux/devices/${String(earlier.index)}`,
      );
    }
  });
}
