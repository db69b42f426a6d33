/** process.selinuxLabel and linux.mountLabel (selinux(8)). */

import { TsrunError } from '../errors.js';
import type { Native } from '../native/types.js';
import type { Step } from '../plan/steps.js';

const SELINUX_MAGIC = 0xf97cff8c;

/**
 * Nothing is run or mounted without the label that it asks for.
 *
 * @param label and the JSON pointer of its field
 * @throws TsrunError ERR_UNSUPPORTED when SELinux is not active
 */
export function requireSelinux(native: Native, label: string | undefined, pointer: string): void {
  if (label === undefined || label === '') return;
  if (native.statfsType('/sys/fs/selinux') >>> 0 === SELINUX_MAGIC) return;
  throw new TsrunError(
    'ERR_UNSUPPORTED',
    `${pointer}: cannot apply the label ${label}: SELinux is not enabled on this machine`,
    { pointer },
  );
}

/** The label of the program. */
export function planProcessLabel(label: string | undefined, at: string): Step[] {
  return planLabel(label, at, 'attr/exec');
}

/** The label of the session keyring that is made next. */
export function planKeyringLabel(label: string | undefined, at: string): Step[] {
  return planLabel(label, at, 'attr/keycreate');
}

function planLabel(label: string | undefined, at: string, file: string): Step[] {
  if (label === undefined || label === '') return [];
  return [{ op: 'label', at: `${at}/selinuxLabel`, file, text: label, expected: label }];
}

/** File systems whose labels come from the policy or from themselves: they refuse `context=`. */
const WITHOUT_CONTEXT: ReadonlySet<string> = new Set([
  'proc',
  'sysfs',
  'mqueue',
  'cgroup',
  'cgroup2',
  'bpf',
  'securityfs',
  'selinuxfs',
]);

/** Options of a new file system with linux.mountLabel where it takes one and has none. */
export function withMountLabel(
  type: string,
  options: readonly string[],
  label: string | undefined,
): string[] {
  if (label === undefined || label === '' || WITHOUT_CONTEXT.has(type)) return [...options];
  const has = options.some((option) => /^(fs|def|root)?context=/.test(option));
  return has ? [...options] : [...options, `context=${label}`];
}
