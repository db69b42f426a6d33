/** A config.json, a process or resources that would take the memory or the time of whoever reads them. */

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();

const LONG = 'a number of more than 1000 characters';
const LARGE = 'it is larger than 16 MiB';

/** Less than one of them took, and enough for Node. */
const LIMITED = { prefix: ['prlimit', `--data=${(1000 << 20).toString()}`, '--'] };

const digits = (count: number): string => '9'.repeat(count);
const list = (count: number, element: string): string => `[${Array(count).fill(element).join()}]`;

/** Members of a document, and what is said of them. */
const BOUNDED: [string, string, string][] = [
  ['a number of ten million digits', digits(10_000_000), LONG],
  ['an exponent of a million digits', `1e${digits(1_000_000)}`, LONG],
  ['millions of lists', list(4_000_000, '[]'), 'more than 262144 values'],
  ['deep nesting', '['.repeat(5_000_000), 'nested deeper than 1000'],
  ['more than 16 MiB', `"${'x'.repeat(16 << 20)}"`, LARGE],
];

test.each(BOUNDED)(
  '%s is refused by name',
  async (_, value, reason) => {
    const bundle = scene.bundle('true');
    const config = join(bundle.path, 'config.json');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace(/}\s*$/, `,"x":${value}}`));
    const id = newId();
    const made = await scene.runtime(['run', '--bundle', bundle.path, id], LIMITED);
    expect(made).toMatchObject({ status: 1, stdout: '' });
    expect(made.stderr).toMatch(/^tsrun: .{1,300}\n$/);
    expect(made.stderr).toContain('config.json');
    expect(made.stderr).toContain(reason);

    const file = join(bundle.path, 'other.json');
    writeFileSync(file, `{"x":${value}}`);
    for (const args of [
      ['exec', '--process', file, id],
      ['update', '--resources', file, id],
      ['update', '--resources', '-', id],
    ]) {
      const input = args.includes('-') ? { input: readFileSync(file, 'utf8') } : {};
      const { status, stderr } = await scene.runtime(args, { ...LIMITED, ...input });
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/^tsrun: .{1,300}\n$/);
      expect(stderr).toContain(args.includes('-') ? 'standard input' : file);
      expect(stderr).toContain(reason);
    }
  },
  120_000,
);

test('a file without an end to it is not read to the end', async () => {
  const bundle = scene.bundle('true');
  const config = join(bundle.path, 'config.json');
  truncateSync(config, 2 ** 40);
  expect(await scene.runtime(['run', '--bundle', bundle.path, newId()], LIMITED)).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: `tsrun: cannot read ${config}: ${LARGE}\n`,
  });
});

test('what is below the bounds is run', async () => {
  const bundle = scene.bundle('echo $LAST');
  const config = join(bundle.path, 'config.json');
  bundle.spec.process!.env = [...bundle.spec.process!.env!, 'LAST=yes'];
  bundle.write();
  const text = readFileSync(config, 'utf8');
  const unknown = `"${'['.repeat(5_000_000)}",${digits(1000)},${list(100_000, '{}')}`;
  writeFileSync(config, text.replace(/}\s*$/, `,"x":[${unknown}]}`));
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: 'yes\n', stderr: '' });
}, 60_000);
