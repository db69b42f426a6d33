import fc from 'fast-check';
import { expect, test } from 'vitest';

import { TsrunError } from '../../../src/errors.js';
import { validateId } from '../../../src/state/id.js';
import { statePath } from '../../../src/state/paths.js';
import { ROOT, system } from './scene.js';

function accepts(id: string): boolean {
  try {
    validateId(id);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(TsrunError);
    expect((error as TsrunError).code).toBe('ERR_ID_INVALID');
    return false;
  }
}

test('ids of managers are accepted', () => {
  for (const id of ['a', '0', 'web-1', 'a_b+c.d', '...', '.a', 'f'.repeat(64), 'x'.repeat(255)]) {
    expect(accepts(id), id).toBe(true);
  }
});

test('what could leave the root directory or confuse a terminal is refused', () => {
  const bad = ['', '.', '..', '/', 'a/b', '../a', 'a\0', 'a\n', ' ', 'ä', '\u001b[2J', 'a b', '~'];
  for (const id of [...bad, 'x'.repeat(256)]) expect(accepts(id), JSON.stringify(id)).toBe(false);
});

test('the message of a refused id is printable', () => {
  expect(() => validateId('a\u001b\n')).toThrow('"a??"');
});

test('an accepted id is one name below the root directory', () => {
  system();
  const tricky = fc.string({
    unit: fc.constantFrom('.', '/', '\\', '-', '+', '_', 'a', '0', '\0', '\n', '%', 'é'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), tricky), (id) => {
      if (!accepts(id)) return;
      expect(statePath(ROOT, id).split('/')).toEqual(['', 'run', 'tsrun', id]);
      expect(['.', '..', '']).not.toContain(id);
    }),
    { numRuns: 2000 },
  );
});
