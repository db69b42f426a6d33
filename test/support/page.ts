/** What pages of docs/ tell users to write, for tests that do just that. */

import { readFileSync } from 'node:fs';

/**
 * The code block of a page in this language whose text contains this.
 *
 * @throws when there is none, or more than one
 */
export function blockOf(page: string, language: string, contained = ''): string {
  const text = readFileSync(page, 'utf8');
  const blocks = [...text.matchAll(/^( *)```(\w*)\n([^]*?)^ *```$/gm)]
    .filter(([, , name]) => name === language)
    // In a list it is indented.
    .map(([, indent = '', , block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
    .filter((block) => block.includes(contained));
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    throw new Error(`${page}: ${blocks.length.toString()} blocks of ${language}: ${contained}`);
  }
  return block;
}

/**
 * The only thing in a page that matches: what the expression's group has of it.
 *
 * @throws when it is not there, or different ones are
 */
export function wordOf(page: string, expression: RegExp): string {
  const matches = readFileSync(page, 'utf8').matchAll(new RegExp(expression, 'gm'));
  const words = new Set([...matches].map(([, word = '']) => word));
  const [word] = words;
  if (word === undefined || words.size > 1) {
    throw new Error(`${page}: ${words.size.toString()} of ${String(expression)}`);
  }
  return word;
}
