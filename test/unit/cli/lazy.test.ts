/**
 * What a command of the executable can reach. A module that no chain of import
 * statements leads to from the program or from the command (import() is the
 * exception, when it is carried out) is not evaluated, and none of its code can
 * be called; in the start-up image its pages are not touched.
 */

import { join } from 'node:path';
import { build } from 'esbuild';
import type { Metafile } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '../../..');

let outputs: Metafile['outputs'];

beforeAll(async () => {
  // As scripts/bundle-executable.mjs does.
  const { metafile } = await build({
    absWorkingDir: REPOSITORY,
    entryPoints: { main: 'src/cli/main-quickjs.ts' },
    outdir: 'nowhere',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    write: false,
    metafile: true,
  });
  outputs = metafile.outputs;
}, 60_000);

/** The chunk that begins with a source file. */
function chunkOf(source: string): string {
  const found = Object.keys(outputs).find((name) => outputs[name]?.entryPoint === source);
  if (found === undefined) throw new Error(`no chunk begins with ${source}`);
  return found;
}

/** The sources of all that is evaluated when the command runs. */
function reachedBy(command: string): string[] {
  const seen = new Set<string>();
  const visit = (chunk: string): void => {
    if (seen.has(chunk)) return;
    seen.add(chunk);
    for (const { path, kind } of outputs[chunk]?.imports ?? []) {
      if (kind === 'import-statement') visit(path);
    }
  };
  visit(chunkOf('src/cli/main-quickjs.ts'));
  visit(chunkOf(`src/cli/commands/${command}.ts`));
  return [...seen].flatMap((chunk) => Object.keys(outputs[chunk]?.inputs ?? {}));
}

/** All of src/spec/ but the reader of JSON, which state files are read with. */
const VALIDATION = /^(spec\/generated|src\/spec(?!\/json\.ts))\//;

describe.each(['state', 'kill', 'delete', 'start'])('%s', (command) => {
  test('reaches no validator, and nothing that reads a config.json', () => {
    expect(reachedBy(command).filter((source) => VALIDATION.test(source))).toEqual([]);
  });

  test('makes no plan, and pays for no help, no texts and no other command', () => {
    const others = new RegExp(
      `^src/(plan/container|cli/(help|texts|completion/|commands/(?!${command}\\.ts)))`,
    );
    const reached = reachedBy(command);
    expect(reached).toContain(`src/cli/commands/${command}.ts`);
    expect(reached.filter((source) => others.test(source))).toEqual([]);
  });
});

test('create reaches them: this test sees what it looks for', () => {
  const reached = reachedBy('create');
  expect(reached.some((source) => source.startsWith('spec/generated/'))).toBe(true);
  expect(reached).toContain('src/plan/container.ts');
});
