import { expect, test } from 'vitest';

import { eventLine } from '../../../src/cli/event-json.js';
import { toGoJson } from '../../../src/cli/output.js';

test('JSON for programs in Go is on one line, with the characters escaped that their encoder escapes', () => {
  const value = [{ 'a<b>&c': 'x\u2028y<>&é"' }, 2n ** 63n];
  expect(toGoJson(value)).toBe(
    '[{"a\\u003cb\\u003e\\u0026c":"x\\u2028y\\u003c\\u003e\\u0026é\\""},9223372036854775808]\n',
  );
  expect(toGoJson({ a: '<' }, 2)).toBe('{\n  "a": "\\u003c"\n}\n');
  expect(eventLine('<', { type: 'oom' })).toBe('{"type":"oom","id":"\\u003c"}\n');
});
