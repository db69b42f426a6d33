/** docs/security.md names a test for each row of the checklist, and each of them is there. */

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const rows = readFileSync('docs/security.md', 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, number]) => /^\d+$/.test(number ?? ''));

test('every row has its test', () => {
  expect(rows.map(([, number]) => Number(number))).toEqual(
    Array.from({ length: 21 }, (_, index) => index + 1),
  );
  for (const [, number, , , , shown = ''] of rows) {
    const files = [...shown.matchAll(/`([^`]+)`/g)].map(([, file]) => `test/${file ?? ''}`);
    expect(files.length, `row ${number ?? ''}`).toBeGreaterThan(0);
    for (const file of files) expect(existsSync(file), file).toBe(true);
  }
});
