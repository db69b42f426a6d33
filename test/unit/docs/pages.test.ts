/** Pages for users: links lead somewhere, and what the packages bring is what the pages show. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'THIRD-PARTY.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Headings of a page, as they are written. */
function headingsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll(/^ *```[^]*?^ *```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
}

/** As GitHub names them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

test.each(PAGES)('links of %s lead to what is there', (page) => {
  const text = readFileSync(page, 'utf8');
  for (const [, target = '', anchor] of text.matchAll(/\]\(([^)\s#]*)(?:#([^)\s]*))?\)/g)) {
    if (/^https?:/.test(target)) continue;
    const file = target === '' ? page : join(dirname(page), target);
    expect(existsSync(file), `${page}: ${target}`).toBe(true);
    if (anchor === undefined) continue;
    expect(headingsOf(file).map(anchorOf), `${page}: ${target}#${anchor}`).toContain(anchor);
  }
});

test('sections that a page names in quotes are there', () => {
  let seen = 0;
  for (const page of PAGES) {
    const text = readFileSync(page, 'utf8').replaceAll(/\s+/g, ' ');
    const named = [
      ...[...text.matchAll(/\]\(([^)\s#]+\.md)\)(?:, | \()"([^"]+)"/g)].map(([, to, name]) => [
        to,
        name,
      ]),
      ...[...text.matchAll(/"([^"]+)" in \[[^\]]*\]\(([^)\s#]+\.md)\)/g)].map(([, name, to]) => [
        to,
        name,
      ]),
    ];
    for (const [to = '', name = ''] of named) {
      seen++;
      expect(headingsOf(join(dirname(page), to)), `${page}: "${name}" in ${to}`).toContain(name);
    }
  }
  expect(seen).toBeGreaterThan(5);
});

test('every page of docs/ is named by one that a reader starts from', () => {
  const starts = ['README.md', 'SECURITY.md', 'docs/managers.md'];
  const index = starts.map((page) => readFileSync(page, 'utf8')).join('\n');
  for (const page of PAGES.filter((name) => name.startsWith('docs/') && !starts.includes(name))) {
    expect(index, page).toContain(page.replace('docs/', ''));
  }
});

test.each([
  ['containerd.toml', 'containerd.md'],
  ['containerd-1.7.toml', 'containerd.md'],
  ['docker-daemon.json', 'docker.md'],
  ['crio.conf', 'crio.md'],
  ['runtimeclass.yaml', 'kubernetes.md'],
])('packaging/examples/%s is in docs/%s', (file, page) => {
  const squeeze = (text: string): string => text.replaceAll(/^#.*$/gm, '').replaceAll(/\s+/g, ' ');
  const snippet = squeeze(readFileSync(join('packaging/examples', file), 'utf8')).trim();
  expect(squeeze(readFileSync(join('docs', page), 'utf8'))).toContain(snippet);
  expect(readdirSync('packaging/examples')).toHaveLength(5);
});

test('the handler of the RuntimeClass is what each configuration calls the runtime', () => {
  const text = (file: string): string => readFileSync(join('packaging/examples', file), 'utf8');
  const handler = /^handler: (.*)$/m.exec(text('runtimeclass.yaml'))?.[1] ?? '';
  expect(text('crio.conf')).toContain(`[crio.runtime.runtimes.${handler}]`);
  for (const file of ['containerd.toml', 'containerd-1.7.toml']) {
    expect(text(file)).toContain(`.containerd.runtimes.${handler}]`);
    expect(text(file)).toContain(`.containerd.runtimes.${handler}.options]`);
  }
  expect(JSON.parse(text('docker-daemon.json'))).toMatchObject({
    runtimes: { [handler]: { path: '/usr/bin/tsrun' } },
  });
  expect(readFileSync('docs/kubernetes.md', 'utf8')).toContain(`runtimeClassName: ${handler}`);
});

test('every option that tsrun refuses is named as missing', () => {
  const text = readFileSync('docs/migrating.md', 'utf8');
  const table = readFileSync('src/cli/table.ts', 'utf8');
  const options = [...table.matchAll(/name: '([a-z0-9-]+)'[^}]*later: true/g)].map(
    ([, name]) => name,
  );
  expect(options.length).toBeGreaterThan(0);
  for (const name of options) expect(text).toContain(`--${name ?? ''}`);
  const fields = readFileSync('src/spec/create-demands.ts', 'utf8').matchAll(
    /unsupported\('\/([^']+)'/g,
  );
  for (const [, field = ''] of fields) expect(text).toContain(`\`${field.replaceAll('/', '.')}\``);
});
