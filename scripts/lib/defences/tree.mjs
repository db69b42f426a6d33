// A copy of the checkout below the temporary directory, in which defences are
// taken out. What is built there is built from nothing once, and then what a
// change asks for.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runProgram } from './program.mjs';

const root = join(import.meta.dirname, '../../..');

/** What .gitignore names, what git keeps, and many small files that no test here takes. */
const ABSENT =
  /^(\.git|node_modules|dist|coverage|tmp|build|native\/build[^/]*|spec\/generated|test\/fuzz\/corpus)$/;

/** Scripts of package.json, by what an entry needs built. */
const SCRIPTS = {
  none: [],
  addon: ['build:native'],
  executable: ['build:executable'],
  sources: ['build:spec'],
  all: ['build:spec', 'build:ts', 'build:native', 'build:executable'],
};

export class Tree {
  #originals = new Map();

  /**
   * All but what is installed or built.
   *
   * @param path of one that is kept, to be built from what has changed
   */
  constructor(path = mkdtempSync(join(tmpdir(), 'tsrun-defences-'))) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    // Some tests run the program as another user.
    chmodSync(path, 0o755);
    this.#mirror('');
    const modules = join(path, 'node_modules');
    if (!existsSync(modules)) symlinkSync(join(root, 'node_modules'), modules);
  }

  /** Files that are the same stay as they are, and keep what was built of them. */
  #mirror(directory) {
    const isSource = ({ name }) => !ABSENT.test(join(directory, name));
    const entriesIn = (tree) =>
      readdirSync(join(tree, directory), { withFileTypes: true }).filter(isSource);
    const wanted = entriesIn(root);
    const names = new Set(wanted.map(({ name }) => name));
    for (const { name } of entriesIn(this.path)) {
      if (!names.has(name)) rmSync(join(this.path, directory, name), { recursive: true });
    }
    for (const entry of wanted) {
      const name = join(directory, entry.name);
      const copy = join(this.path, name);
      if (entry.isDirectory()) {
        mkdirSync(copy, { recursive: true });
        this.#mirror(name);
      } else if (!existsSync(copy) || !readFileSync(copy).equals(readFileSync(join(root, name)))) {
        copyFileSync(join(root, name), copy);
      }
    }
  }

  /** Makes these changes in place of those that were made before. */
  change(changes) {
    for (const [file, text] of this.#originals) writeFileSync(join(this.path, file), text);
    this.#originals.clear();
    for (const change of changes) {
      const { file, from, to } = change;
      const text = readFileSync(join(this.path, file), 'utf8');
      if (!this.#originals.has(file)) this.#originals.set(file, text);
      if (text.split(from).length !== 2) throw new Error(`${file} has not once: ${from}`);
      // A function: `$` in the text is itself.
      writeFileSync(
        join(this.path, file),
        text.replace(from, () => to),
      );
    }
  }

  /**
   * @param kind as an entry has it, or `sources` for what unit tests need, or `all`
   * @returns what was wrong; undefined when it was built
   */
  async build(kind) {
    for (const script of SCRIPTS[kind]) {
      // A test without its defence may have left one that runs, which could not be written to.
      if (script === 'build:executable') rmSync(join(this.path, 'dist/tsrun'), { force: true });
      const { status, output } = await runProgram(['npm', 'run', '--silent', script], this.path);
      if (status !== 0) return `npm run ${script}: ${status}\n${output}`;
    }
    return undefined;
  }

  remove() {
    rmSync(this.path, { recursive: true, force: true });
  }
}
