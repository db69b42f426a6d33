/** Annotations that are obeyed are those that `features` warns managers of. */

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { OBEYED_ANNOTATIONS, annotation, annotationsBelow } from '../../src/annotations.js';
import { features } from '../../src/features.js';

const TABLE = 'annotations.ts';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/^native\/fake/.test(name))
  .map((name) => ({ name, text: readFileSync(join('src', name), 'utf8') }));

/** Comments name what is not obeyed too. */
const code = (text: string): string => text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');

test('features lists all of them, and a prefix by its dot at the end', () => {
  const listed = features().potentiallyUnsafeConfigAnnotations;
  expect(listed).toEqual(['org.systemd.property.', 'run.oci.keep_original_groups']);
  expect(listed).toEqual(OBEYED_ANNOTATIONS);
});

test('no other file looks into annotations, or names one', () => {
  expect(sources.map(({ name }) => name)).toContain(TABLE);
  for (const { name, text } of sources.filter((source) => source.name !== TABLE)) {
    // A member, or all of them one by one.
    expect(code(text), name).not.toMatch(/annotations(\)|\?\?[^,;]*)?(\?\.)?\[/i);
    expect(code(text), name).not.toMatch(/\.(entries|keys|values)\([^()]*annotations/i);
    expect(code(text), name).not.toMatch(/annotations\??\.(?!js')\w/i);
    expect(code(text), name).not.toMatch(/['"`](run\.oci|org\.systemd\.property|org\.criu)\./);
  }
});

test('every entry of the table is used', () => {
  const table = sources.find(({ name }) => name === TABLE)?.text ?? '';
  for (const listed of OBEYED_ANNOTATIONS) {
    const constant = new RegExp(`const (\\w+) = '${listed}'`).exec(table)?.[1] ?? 'none';
    const uses = new RegExp(`annotation(?:sBelow)?\\([^()]*, ${constant}\\)`);
    expect(
      sources.filter(({ text }) => uses.test(text)),
      listed,
    ).not.toEqual([]);
  }
});

test('a name is taken whole, and a prefix with what follows it', () => {
  const annotations = {
    'run.oci.keep_original_groups': '1',
    'run.oci.keep_original_groups.x': '2',
    'org.systemd.property': '3',
    'org.systemd.property.Foo': '4',
  };
  expect(annotation(annotations, 'run.oci.keep_original_groups')).toBe('1');
  expect(annotation(undefined, 'run.oci.keep_original_groups')).toBeUndefined();
  expect(annotationsBelow(annotations, 'org.systemd.property.')).toEqual([
    { key: 'org.systemd.property.Foo', name: 'Foo', text: '4' },
  ]);
  expect(annotationsBelow(undefined, 'org.systemd.property.')).toEqual([]);
});
