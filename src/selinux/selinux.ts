/** process.selinuxLabel and linux.mountLabel (selinux(8)). */

import { TsrunError } from '../errors.js';
import { EINVAL, O_CLOEXEC, O_RDWR } from '../native/constants.js';
import type { Native } from '../native/types.js';
import type { Step } from '../plan/steps.js';

const SELINUX_MAGIC = 0xf97cff8c;

/** Takes a label and gives it back as the policy writes it, categories in order. */
const CONTEXT_FILE = '/sys/fs/selinux/context';
const LONGEST = 4096;

/**
 * Nothing is run or mounted without the label that it asks for.
 *
 * @param label and the JSON pointer of its field
 * @returns the label as it is going to be read back; undefined for none
 * @throws TsrunError ERR_UNSUPPORTED when SELinux is not active, ERR_CONFIG_INVALID for a label
 *   that is none, or that its policy does not have
 */
export function checkLabel(
  native: Native,
  label: string | undefined,
  pointer: string,
): string | undefined {
  if (label === undefined || label === '') return undefined;
  const doing = `${pointer}: cannot apply the label ${label}`;
  // No policy's has other characters, and a NUL would end it early.
  if (/[^\x20-\x7e]/.test(label)) {
    throw new TsrunError('ERR_CONFIG_INVALID', `${doing}: not all of it is printable ASCII`, {
      pointer,
    });
  }
  if (native.statfsType('/sys/fs/selinux') >>> 0 !== SELINUX_MAGIC) {
    throw new TsrunError('ERR_UNSUPPORTED', `${doing}: SELinux is not enabled on this machine`, {
      pointer,
    });
  }
  const fd = native.open(CONTEXT_FILE, O_RDWR | O_CLOEXEC, 0);
  // Who may not ask learns it where the label is applied.
  if (fd < 0) return label;
  try {
    const written = native.writeSome(
      fd,
      Uint8Array.from(label, (char) => char.charCodeAt(0)),
    );
    if (written === -EINVAL) {
      throw new TsrunError('ERR_CONFIG_INVALID', `${doing}: the policy has no such label`, {
        pointer,
      });
    }
    const read = written < 0 ? written : native.read(fd, LONGEST);
    if (typeof read === 'number') return label;
    return String.fromCharCode(...read).replace(/\0$/, '');
  } finally {
    native.close(fd);
  }
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

const LABEL_OPTION = /^((?:fs|def|root)?context)="?(.*?)"?$/;

/**
 * Options of a new file system, with linux.mountLabel where it takes one and has none. The quotes
 * that mount(8) wants around a label with a comma are not the kernel's.
 */
export function withMountLabel(
  type: string,
  options: readonly string[],
  label: string | undefined,
): string[] {
  const plain = options.map((option) => option.replace(LABEL_OPTION, '$1=$2'));
  const takes = label !== undefined && label !== '' && !WITHOUT_CONTEXT.has(type);
  if (!takes || plain.some((option) => LABEL_OPTION.test(option))) return plain;
  return [...plain, `context=${label}`];
}
