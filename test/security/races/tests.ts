/**
 * The tests of a kind of race. With the defence nothing lands outside in 10,000
 * tries; with the defence taken out the same attacker gets something outside
 * within as many, so that the race is one.
 */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';

import { COMMAND } from '../../support/tsrun.js';
import { OnceRace } from './once.js';
import type { OnceKind } from './once.js';
import { ON_NODE, Race, TRIES } from './support.js';
import type { Kind } from './support.js';
import { buildWithoutDefence } from './undefended.js';

const ADDON = join(import.meta.dirname, '../../../native/build/Release/tsrun.node');

/** Of the whole of them, which may be on a busy machine. */
const LIMIT = { timeout: 300_000 };

/** Why a run of the tests leaves the races out: the executable's whole run has them. */
function reasonToSkip(): string | undefined {
  if (ON_NODE) return 'runs on the executable, whose helper is the same and 50 times as quick';
  if (process.env['TSRUN_SANITIZED'] === '1')
    return 'the helper that is attacked has no sanitizers: it is that of the ordinary run';
  if (process.env['TSRUN_QUICK'] === '1') return `takes ${TRIES} tries: ./scripts/test has them`;
  return undefined;
}

const SKIP = reasonToSkip();

function needsRace(context: TestContext): void {
  if (SKIP !== undefined) context.skip(SKIP);
}

/** Of paths that are exchanged while whole containers are created. */
export function testRaces(kinds: readonly Kind[]): void {
  describe('paths that are exchanged while a container is created', () => {
    let race: Race;

    beforeAll(() => {
      if (SKIP === undefined) race = new Race();
    });

    afterAll(async () => {
      if (SKIP === undefined) await race.remove();
    });

    for (const kind of kinds) {
      test(`${kind.name} stays inside`, { ...LIMIT, retry: 0 }, async (context) => {
        needsRace(context);
        const outcome = await race.run(kind, COMMAND, TRIES);
        expect(outcome).toEqual({ tries: TRIES, outside: 0 });
      });
      // A mask is laid when the old root is gone: there is no outside left to land in.
      if (kind.afterPivot) continue;
      test(`${kind.name} lands outside without the defence`, LIMIT, async (context) => {
        needsRace(context);
        const { command } = await buildWithoutDefence(kind.name);
        const outcome = await race.run(kind, command, TRIES);
        expect(outcome.outside).toBeGreaterThan(0);
      });
    }
  });
}

/** Of what a container has once. */
export function testOnceRaces(kinds: readonly OnceKind[]): void {
  describe.each(kinds)('$name', (kind) => {
    let once: OnceRace;

    beforeAll(() => {
      if (SKIP === undefined) once = new OnceRace(kind);
    });

    afterAll(async () => {
      if (SKIP === undefined) await once.remove();
    });

    test('stays inside, or is refused', { ...LIMIT, retry: 0 }, async (context) => {
      needsRace(context);
      const { other, ...outcome } = await once.run(ADDON, TRIES);
      expect(outcome).toEqual({ tries: TRIES, outside: 0 });
      // Both were there: it is a race.
      expect(other).toBeGreaterThan(0);
      expect(other).toBeLessThan(TRIES);
    });

    test('lands outside without the defence', LIMIT, async (context) => {
      needsRace(context);
      const { addon } = await buildWithoutDefence(kind.name);
      const outcome = await once.run(addon, TRIES);
      expect(outcome.outside).toBeGreaterThan(0);
    });
  });
}
