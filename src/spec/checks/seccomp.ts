import { shown } from '../problem.js';
import type { LinuxSeccompAction, Spec } from '../types.js';
import type { Report } from './rule.js';

/** config-linux.md, seccomp: listenerMetadata is nothing without a listener. */
export function seccompMetadata(spec: Spec, report: Report): void {
  const seccomp = spec.linux?.seccomp;
  if (seccomp?.listenerMetadata && !seccomp.listenerPath) {
    report('/linux/seccomp/listenerMetadata', 'needs listenerPath');
  }
}

/** SCMP_ACT_NOTIFY asks somebody, who cannot be asked about every call. */
export function seccompNotify(spec: Spec, report: Report): void {
  const seccomp = spec.linux?.seccomp;
  if (seccomp === undefined) return;
  if (seccomp.defaultAction === 'SCMP_ACT_NOTIFY') {
    report('/linux/seccomp/defaultAction', 'must not be SCMP_ACT_NOTIFY');
  }
  if (seccomp.listenerPath) return;
  const rule = seccomp.syscalls?.findIndex(({ action }) => action === 'SCMP_ACT_NOTIFY') ?? -1;
  if (rule !== -1) {
    report(`/linux/seccomp/syscalls/${String(rule)}/action`, 'needs /linux/seccomp/listenerPath');
  }
}

/** What libseccomp takes, one less than the kernel's MAX_ERRNO. */
const MAX_ERRNO = 4094;
/** SECCOMP_RET_DATA: what a tracer is told. */
const MAX_TRACE = 0xffff;

/** config-linux.md, seccomp: an errno with an action that has none is an error. */
export function seccompErrno(spec: Spec, report: Report): void {
  const seccomp = spec.linux?.seccomp;
  if (seccomp === undefined) return;
  // A missing action is reported as that.
  const takesErrno = (action: LinuxSeccompAction | undefined) =>
    action === undefined || action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  if (seccomp.defaultErrnoRet !== undefined && !takesErrno(seccomp.defaultAction)) {
    report('/linux/seccomp/defaultErrnoRet', `means nothing to ${shown(seccomp.defaultAction)}`);
  }
  const tooLarge = (action: LinuxSeccompAction, value = 0) =>
    value > (action === 'SCMP_ACT_TRACE' ? MAX_TRACE : MAX_ERRNO);
  if (tooLarge(seccomp.defaultAction, seccomp.defaultErrnoRet)) {
    report('/linux/seccomp/defaultErrnoRet', 'is greater than any errno');
  }
  seccomp.syscalls?.forEach(({ action, errnoRet }, index) => {
    if (tooLarge(action, errnoRet)) {
      report(`/linux/seccomp/syscalls/${String(index)}/errnoRet`, 'is greater than any errno');
    }
    if (errnoRet !== undefined && !takesErrno(action)) {
      report(
        `/linux/seccomp/syscalls/${String(index)}/errnoRet`,
        `means nothing to ${shown(action)}`,
      );
    }
  });
}
