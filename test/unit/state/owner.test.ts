import { expect, test } from 'vitest';

import { ownerName } from '../../../src/state/owner.js';
import { system } from './scene.js';

test('the name of a uid is that of its first line, and of no other field', () => {
  const fake = system();
  fake.files.remove('/etc/passwd');
  expect(ownerName(fake.native, 0)).toBe('#0');
  const lines = [
    'first:x:10:0::/:/bin/sh',
    ':x:7:7::/:/bin/sh',
    'short:5:',
    'root:x:0:0:root:/root:/bin/sh',
    'toor:x:0:0::/:/bin/sh',
    'ü:x:1000:10::/:5:',
  ];
  fake.files.put('/etc/passwd', 'file', `${lines.join('\n')}\n`);
  for (const [uid, name] of [
    [0, 'root'],
    [10, 'first'],
    [1000, 'ü'],
    [5, '#5'],
    [7, '#7'],
    [1, '#1'],
  ] as const) {
    expect(ownerName(fake.native, uid), String(uid)).toBe(name);
  }
});
