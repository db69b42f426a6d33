import { expect, test } from 'vitest';
import { helpText } from '../../../src/cli/help.js';
import type { CommandName, CommandRow } from '../../../src/cli/table.js';
import { commands } from '../../../src/cli/table.js';
import { argumentTexts } from '../../../src/cli/texts.js';

test.each(Object.keys(commands) as CommandName[])('help of %s names all it has', (name) => {
  const row: CommandRow = commands[name]();
  const text = helpText(name);
  expect(text).toContain(`Usage: tsrun ${name} [options]`);
  for (const option of row.options) expect(text).toContain(`--${option.name}`);
  for (const argument of row.args) expect(argumentTexts).toHaveProperty(argument.name);
  expect(helpText()).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
});

test('help of a command reads well', () => {
  expect(helpText('kill')).toBe(
    [
      'Send a signal to the process of a container',
      '',
      'Usage: tsrun kill [options] <container-id> [signal]',
      '',
      'Arguments:',
      '  container-id  name of the container, unique below --root',
      '  signal        name or number (default: TERM)',
      '',
      'Options:',
      '  -a, --all   send it to all processes of the container',
      '  -h, --help  show this',
      '',
    ].join('\n'),
  );
});

test('no line is wider than 120 columns', () => {
  for (const name of [undefined, ...(Object.keys(commands) as CommandName[])]) {
    for (const line of helpText(name).split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(120);
      expect(line).not.toMatch(/\s$/);
    }
  }
});
