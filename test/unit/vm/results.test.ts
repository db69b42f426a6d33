/** The table at the end of the suite in the virtual machine. */

import { expect, test } from 'vitest';

import { formatResults } from '../../vm/managers/support/results.js';

test('runtimes stand beside each other, and of two tries the last one', () => {
  const common = { manager: 'podman', caller: 'root', cgroups: 'systemd' };
  const run = { ...common, operation: 'run' };
  const stop = { ...common, operation: 'stop' };
  expect(
    formatResults([
      { ...run, runtime: 'tsrun', seconds: 0, works: false },
      { ...run, runtime: 'tsrun', seconds: 10.26, works: true },
      { ...run, runtime: 'crun', seconds: 3, works: true },
      { ...stop, runtime: 'tsrun', seconds: 1, works: false },
      { ...stop, runtime: 'runc', seconds: 2, works: true },
    ]),
  ).toBe(
    [
      'manager  caller  cgroups  operation  tsrun s  crun s  runc s',
      'podman   root    systemd  run           10.3     3.0       -',
      'podman   root    systemd  stop         FAILS       -     2.0',
    ].join('\n'),
  );
  expect(formatResults([])).toBe('');
});
