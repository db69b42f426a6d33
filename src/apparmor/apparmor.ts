/** process.apparmorProfile: the program is executed confined by a profile (apparmor(7)). */

import { TsrunError } from '../errors.js';
import { F_OK } from '../native/constants.js';
import { readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import type { Step } from '../plan/steps.js';

/** Asks for no confinement, which is what there is without AppArmor. */
const UNCONFINED = 'unconfined';

/**
 * The attribute file below /proc/PID that takes the profile of the next
 * execve(2). The older name is shared with other security modules.
 *
 * @param at JSON pointer of the process object
 * @returns undefined for a profile that asks for nothing here
 * @throws TsrunError ERR_UNSUPPORTED when this kernel has no AppArmor
 */
export function apparmorFile(
  native: Native,
  profile: string | undefined,
  at: string,
): string | undefined {
  if (profile === undefined || profile === '') return undefined;
  const enabled = readIfThere(native, '/sys/module/apparmor/parameters/enabled', 16);
  if (enabled?.startsWith('Y') === true) {
    return native.access('/proc/self/attr/apparmor/exec', F_OK) < 0
      ? 'attr/exec'
      : 'attr/apparmor/exec';
  }
  if (profile === UNCONFINED) return undefined;
  const pointer = `${at}/apparmorProfile`;
  throw new TsrunError(
    'ERR_UNSUPPORTED',
    `${pointer}: cannot apply the profile ${profile}: AppArmor is not enabled on this machine`,
    { pointer },
  );
}

/** @param file as apparmorFile() gave it */
export function planApparmor(
  profile: string | undefined,
  file: string | undefined,
  at: string,
): Step[] {
  if (profile === undefined || profile === '' || file === undefined) return [];
  return [
    {
      op: 'label',
      at: `${at}/apparmorProfile`,
      file,
      text: `exec ${profile}`,
      expected: expectedProfiles(profile),
    },
  ];
}

/** `:NAMESPACE:` or `:NAMESPACE://`, after which there may be no name, and the name. */
const SCOPED = /^ *(?::([^:]*)(?::(?:\/\/)?|$))? *(.*)$/su;

/**
 * What has to be in the label that is read back, in any order: the name of each profile, with its
 * namespace as the kernel writes it. A name without one is looked for in that of the name before.
 * A stack on what confines the runtime (`&NAME`) has that too, and the kernel may leave out of any
 * stack what does not confine.
 */
function expectedProfiles(profile: string): string {
  const stack = profile.trim().replace(/^&/, '').split('//&');
  let scope = '';
  const names = stack.map((each) => {
    const [, namespace = '', name = ''] = SCOPED.exec(each) ?? [];
    if (namespace !== '') scope = `:${namespace}:`;
    return { scope, name: name === '' ? UNCONFINED : name };
  });
  return names
    .filter(({ name }) => stack.length === 1 || name !== UNCONFINED)
    .map((each) => each.scope + each.name)
    .join('//&');
}
