import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { PROCESS_ATTRIBUTES, planAttributes } from '../../../src/plan/attributes.js';

const context = { at: '/process', personality: undefined, hasAffinity: false };

test('the page has what the list has', () => {
  const page = readFileSync('docs/process-attributes.md', 'utf8');
  const rows = page
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, name = '']) => name.startsWith('`'))
    .map(([, name = '', , otherwise]) => [name.replaceAll('`', ''), otherwise]);
  expect(rows).toEqual(PROCESS_ATTRIBUTES.map(({ name, otherwise }) => [name, otherwise]));
});

test('without a word of the process, what the caller passes on by accident is reset', () => {
  expect(planAttributes({ cwd: '/' }, context)).toEqual([
    { op: 'affinity', at: '', cpus: [] },
    { op: 'umask', at: '/process/user/umask', mask: 0o022 },
  ]);
});
