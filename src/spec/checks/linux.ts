import { pointerToken } from '../problem.js';
import type { Spec } from '../types.js';
import type { Report } from './rule.js';

/** config-linux.md, personality: no flag is defined. */
export function personalityFlags(spec: Spec, report: Report): void {
  if (spec.linux?.personality?.flags?.length) {
    report('/linux/personality/flags', 'must be empty: the specification defines none');
  }
}

/** The class of service is one directory of resctrl. */
export function intelRdtClass(spec: Spec, report: Report): void {
  const name = spec.linux?.intelRdt?.closID;
  if (name !== undefined && (name === '.' || name === '..' || /[/\n\0]/.test(name))) {
    report('/linux/intelRdt/closID', 'must be the name of a directory');
  }
}

/** Names of linux.resources.unified are files of the container's cgroup, not of others. */
export function unifiedFiles(spec: Spec, report: Report): void {
  for (const name of Object.keys(spec.linux?.resources?.unified ?? {})) {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
      report(`/linux/resources/unified/${pointerToken(name)}`, 'must be the name of a cgroup file');
    }
  }
}

/** config-linux.md, CPU: burst is no larger than a positive quota. */
export function cpuBurst(spec: Spec, report: Report): void {
  const { quota, burst } = spec.linux?.resources?.cpu ?? {};
  if (quota !== undefined && quota > 0 && burst !== undefined && burst > quota) {
    report('/linux/resources/cpu/burst', 'must not be greater than quota');
  }
}
