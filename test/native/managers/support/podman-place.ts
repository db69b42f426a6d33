/** The place where podman is run. */

import type { Place } from '../../../vm/managers/support/operations.js';
import { FILTER } from '../../../vm/managers/support/podman.js';
import { usePlace } from './place.js';
import { LISTENER, NOTIFIER } from './podman-notify.js';

/** @param importing as IMPORT of place.js */
export function usePodman(programs: readonly string[], importing: string): Place {
  return usePlace({
    programs: ['/usr/bin/podman', '/usr/lib/podman/netavark', LISTENER, ...programs],
    compile: NOTIFIER,
    prepare: `
      echo '${JSON.stringify(FILTER)}' >/run/no-directories.json
      ${importing}`,
  });
}
