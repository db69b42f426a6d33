/** Links in a volume on which the source of a later bind mount lies: other containers share the volume. */

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { inUserNamespace, useContainers } from '../support/inside.js';
import type { Change } from '../support/inside.js';

const lab = useContainers();

/** What a link in the volume says, with the directory of the host that it is to lead to. */
const LINKS: Readonly<Record<string, (host: string) => string>> = {
  absolute: (host) => host,
  upwards: (host) => `${'../'.repeat(20)}${host}`,
  'to the procfs of the container': () => '/proc',
  'to the root of the container': () => '/',
  'through the root of a process': (host) => `/proc/self/root${host}`,
  'through the directory of a process': (host) => `/proc/self/cwd/${'../'.repeat(20)}${host}`,
};

test.each(
  (['bind', 'rbind'] as const).flatMap((option) =>
    Object.keys(LINKS).flatMap((name) => [
      [name, option, 'in no user namespace', () => undefined],
      [name, option, 'in a user namespace', inUserNamespace],
    ]),
  ) as [string, string, string, Change][],
)('a source is never a directory of the host: %s, %s, %s', async (name, option, _, change) => {
  const host = lab.directory();
  writeFileSync(join(host, 'of-the-host'), '');
  const volume = lab.directory();
  mkdirSync(join(volume, 'below'));
  chmodSync(volume, 0o755);
  symlinkSync(LINKS[name]?.(host) ?? '', join(volume, 'below/link'));
  const { stdout, stderr, status } = await lab.run('ls -A /m', (spec, bundle) => {
    change(spec, bundle);
    const source = join(bundle.rootfs, 'volume/below/link');
    spec.mounts?.push(
      { destination: '/volume', source: volume, options: ['rbind'] },
      { destination: '/m', source, options: [option] },
    );
  });
  expect(stdout).toBe('');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /\/mounts\/8: cannot bind-mount \/volume\/below\/link of the container .*symbolic links/,
  );
});
