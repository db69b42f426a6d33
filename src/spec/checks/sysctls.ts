import { pointerToken } from '../problem.js';
import { isSysctlName, sysctlName, sysctlNamespace } from '../sysctl.js';
import type { Spec } from '../types.js';
import type { Report } from './rule.js';
import { listedNamespace } from './rule.js';

/**
 * A sysctl must be one of a namespace that is not the runtime's: else it would
 * change the host. Whether a namespace to be joined is the runtime's own after
 * all is found when it is opened.
 */
export function sysctls(spec: Spec, report: Report): void {
  for (const name of Object.keys(spec.linux?.sysctl ?? {})) {
    const at = `/linux/sysctl/${pointerToken(name)}`;
    const namespace = sysctlNamespace(name);
    if (!isSysctlName(name)) {
      report(at, 'is not the name of a sysctl');
    } else if (namespace === undefined) {
      report(at, 'is not a setting of a namespace, it would change the host');
    } else if (sysctlName(name) === 'kernel.hostname') {
      report(at, 'is set by /hostname');
    } else if (sysctlName(name) === 'kernel.domainname' && spec.domainname) {
      report(at, 'is set by /domainname');
    } else if (!listedNamespace(spec, namespace)) {
      const article = namespace === 'ipc' ? 'an' : 'a';
      report(
        at,
        `needs ${article} ${namespace} namespace in /linux/namespaces, else it would change the host`,
      );
    }
  }
}
