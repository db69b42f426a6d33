/**
 * Modules of src/ as one program of their own: with the lines that V8 has seen
 * run, and with a bug planted if asked for.
 */

import { build } from 'esbuild';
import type { Plugin } from 'esbuild';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';

const root = join(import.meta.dirname, '../../..');

/** A change of the code; `from` stands in `file` once. */
export interface Plant {
  file: string;
  from: string;
  to: string;
}

export interface LinesRun {
  lines: number;
  run: number;
  /** Texts of the lines that were not. */
  missed: string[];
}

let programs = 0;

/** The exports of modules, by the names they are given in `entry`. */
export class Subject {
  readonly modules: Record<string, unknown>;
  readonly #code: string;
  readonly #name: string;
  readonly #session: Session;

  private constructor(code: string) {
    this.#code = code;
    this.#name = `fuzzed-${++programs}.js`;
    this.#session = new Session();
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    this.modules = runInThisContext(`${code}\nfuzzed`, { filename: this.#name }) as Record<
      string,
      unknown
    >;
  }

  /** @param files of src/, by the names that they get */
  static async of(files: Readonly<Record<string, string>>, plant?: Plant): Promise<Subject> {
    const entry = Object.entries(files)
      .map(([name, file]) => `export * as ${name} from './${file}';`)
      .join('\n');
    const result = await build({
      stdin: { contents: entry, resolveDir: root, loader: 'ts' },
      absWorkingDir: root,
      bundle: true,
      write: false,
      format: 'iife',
      // Not a constant, so that the next one may have the name again.
      globalName: 'globalThis.fuzzed',
      target: 'node20',
      plugins: plant === undefined ? [] : [planted(plant)],
    });
    return new Subject(result.outputFiles[0]!.text);
  }

  /** Of the lines of each file that do something, those that were run since the start. */
  coverage(files: readonly string[]): Record<string, LinesRun> {
    const counts = this.#counts();
    const found: Record<string, LinesRun> = {};
    let file: string | undefined;
    let at = 0;
    for (const line of this.#code.split('\n')) {
      const begins = /^ {2}\/\/ (\S+\.[jt]s)$/.exec(line)?.[1];
      if (begins !== undefined) file = begins;
      else if (file !== undefined && files.includes(file) && /\w/.test(line)) {
        const entry = (found[file] ??= { lines: 0, run: 0, missed: [] });
        entry.lines++;
        let ran = false;
        for (let i = 0; i < line.length && !ran; i++) ran = line[i] !== ' ' && counts[at + i] !== 0;
        if (ran) entry.run++;
        else entry.missed.push(line.trim());
      }
      at += line.length + 1;
    }
    return found;
  }

  /** How often each character of the program was run. */
  #counts(): Int32Array {
    const counts = new Int32Array(this.#code.length).fill(1);
    let scripts: Profiler.ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      scripts = result;
    });
    const own = scripts.find(({ url }) => url === this.#name);
    if (own === undefined) throw new Error('V8 has no coverage of the program');
    // From the outside in: an inner range counts over the one around it.
    for (const { ranges } of own.functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        counts.fill(count, startOffset, endOffset);
      }
    }
    return counts;
  }

  close(): void {
    this.#session.disconnect();
  }
}

function planted({ file, from, to }: Plant): Plugin {
  return {
    name: 'plant',
    setup({ onLoad }) {
      const path = join(root, file);
      onLoad({ filter: /\.ts$/ }, (args) => {
        if (args.path !== path) return undefined;
        const parts = readFileSync(path, 'utf8').split(from);
        if (parts.length !== 2) throw new Error(`${file} has not once: ${from}`);
        return { contents: parts.join(to), loader: 'ts' };
      });
    },
  };
}
