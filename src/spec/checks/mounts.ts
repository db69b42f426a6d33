import type { Spec } from '../types.js';
import { checkIDMappings } from './namespaces.js';
import type { Report } from './rule.js';
import { listedNamespace } from './rule.js';

/** config.md, POSIX-platform mounts: uidMappings and gidMappings come together. */
export function mountIDMappings(spec: Spec, report: Report): void {
  spec.mounts?.forEach((mount, index) => {
    if (mount.uidMappings === undefined && mount.gidMappings === undefined) return;
    const at = `/mounts/${String(index)}`;
    const uids = mount.uidMappings?.length;
    const gids = mount.gidMappings?.length;
    if (uids && !gids) report(`${at}/gidMappings`, 'is required with uidMappings');
    if (gids && !uids) report(`${at}/uidMappings`, 'is required with gidMappings');
    checkIDMappings(mount.uidMappings, `${at}/uidMappings`, report);
    checkIDMappings(mount.gidMappings, `${at}/gidMappings`, report);
  });
}

/** config.md, Linux mount options: idmap and ridmap need a mapping, the mount's or the container's. */
export function idmapOptions(spec: Spec, report: Report): void {
  if (listedNamespace(spec, 'user')) return;
  spec.mounts?.forEach((mount, index) => {
    const { options = [] } = mount;
    if (!options.includes('idmap') && !options.includes('ridmap')) return;
    if (mount.uidMappings?.length || mount.gidMappings?.length) return;
    const option = options.findIndex((name) => name === 'idmap' || name === 'ridmap');
    report(
      `/mounts/${String(index)}/options/${String(option)}`,
      'needs uidMappings and gidMappings, or a user namespace in /linux/namespaces',
    );
  });
}
