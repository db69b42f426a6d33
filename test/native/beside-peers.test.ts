/**
 * What a container's process sees under tsrun, beside runc and crun: configurations as managers write them
 * (test/support/manager-configs.ts). Every difference is explained in docs/migrating.md, or a fault.
 */

import { expect, test } from 'vitest';

import { stringifyJson } from '../../src/spec/json.js';
import type { Difference, Runtime, Sections } from '../support/comparison.js';
import {
  PEERS,
  containersOf,
  differences,
  idle,
  unexplained,
  untold,
} from '../support/comparison.js';
import type { ManagerConfig } from '../support/manager-configs.js';
import { CONFIGS } from '../support/manager-configs.js';
import { EXECS, TERMINALS } from '../support/manager-execs.js';
import { EXPLAINED } from '../support/peer-differences.js';
import { LOOK, SCRIPT, normal } from '../support/process-look.js';
import { usePlace } from './managers/support/place.js';

const place = usePlace({ programs: ['/usr/bin/crun', '/usr/sbin/runc'] });

/** Runs the configurations; what differs, and of which tsrun has not come to the program's end. */
async function compare(
  configs: readonly ManagerConfig[],
): Promise<{ found: Difference[]; failed: string[] }> {
  place.write('look', LOOK);
  configs.forEach(({ spec, document, command }, index) => {
    const number = index.toString();
    place.write(`config-${number}.json`, stringifyJson(spec, 1));
    if (document !== undefined) place.write(`process-${number}.json`, stringifyJson(document, 1));
    place.write(`command-${number}`, command ?? 'exec $call run c0ffee\n');
  });
  const rows = configs.map(({ spec, rootless }, index) => {
    const owner = spec.linux?.uidMappings?.[0]?.hostID ?? 0;
    return `${index.toString()} ${owner.toString()} ${rootless ? 'user' : ''}`;
  });
  place.write('list', `${rows.join('\n')}\n`);
  const { status, stdout, stderr } = await place.run(
    `ln -s '${process.execPath}' /run/node
    install -m 755 \${PATH%%:*}/look \${PATH%%:*}/rootfs/bin/look\n${SCRIPT}`,
  );
  expect(status, stderr).toBe(0);

  const head = stdout.slice(0, stdout.indexOf('@@@'));
  const owners = new Map(
    [...head.matchAll(/^(host|pod) (\S+ \S+)$/gm)].map(([, owner = '', link = '']) => [
      link,
      owner,
    ]),
  );
  expect(owners.size, head).toBe(8 + 3);
  const seen = containersOf(stdout, (section, line) => normal(section, line, owners));
  const found: Difference[] = [];
  const failed: string[] = [];
  configs.forEach(({ name }, index) => {
    const of = (runtime: Runtime): Sections =>
      seen.get(`${index.toString()} ${runtime}`) ?? new Map<string, string[]>();
    if (!of('tsrun').has('end')) failed.push(`${name}: ${of('tsrun').get('error')?.join() ?? ''}`);
    for (const peer of PEERS) found.push(...differences(name, peer, of('tsrun'), of(peer)));
  });
  return { found, failed };
}

test('every difference to runc and crun is explained', async () => {
  const parts = [await compare(CONFIGS), await compare([...TERMINALS, ...EXECS])];
  const found = parts.flatMap((part) => part.found);
  expect([...parts.flatMap((part) => part.failed), ...unexplained(found, EXPLAINED)]).toEqual([]);
  // What does not differ any more is not explained either.
  expect(idle(found, EXPLAINED)).toEqual([]);
}, 240_000);

test('docs/migrating.md has each of these explanations', () => {
  expect(untold(EXPLAINED)).toEqual([]);
});
