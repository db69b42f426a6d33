// Pages in a package: a link to what is in the sources alone becomes its name.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** [text](target), of a target that is no address; a part of a page (#...) may be behind it. */
const LINK = /\[([^\]]*)\]\(((?!https?:|#)[^)\s#]+)(?:#[^)]*)?\)/g;

/**
 * @param {import('./tree.mjs').Tree} tree with all its files
 * @param {string} at directory of the tree that stands for the checkout's, with a slash behind it, or empty
 * @param {Record<string, string>} others by the name of a file there: the one in this package that stands for it
 */
export function nameWhatIsNotHere(tree, at, others = {}) {
  for (const page of tree.files(at.replace(/\/$/, '')).filter((name) => name.endsWith('.md'))) {
    const file = join(tree.path, page);
    const text = readFileSync(file, 'utf8');
    const mended = text.replaceAll(LINK, (link, words, target) => {
      const path = join(dirname(page), target);
      if (existsSync(join(tree.path, path))) return link;
      const name = normalize(path).slice(at.length);
      const other = others[name];
      if (other !== undefined) return `[${words}](${relative(dirname(page), `${at}${other}`)})`;
      return words === name ? `\`${name}\`` : `${words}, \`${name}\` in the sources`;
    });
    if (mended !== text) tree.write(page, mended);
  }
}
