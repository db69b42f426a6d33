// Whether accept.mjs finds a wrong start: takes the statements out of start.cc, and changes the values of its
// variables, one at a time. Fails if one of them is accepted.
//
//   node native/start/mutations.mjs

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { Refused, accept, compile, inWorkDirectory, prepare } from './accept.mjs';

const COMPILER = 'c++';
/** Nothing depends on these in a program as the build links it. */
const WITHOUT_EFFECT = [
  ['_dl_relocate_static_pie();', 'the executable is at a fixed address'],
  ['__libc_fatal("Unexpected reloc type', 'the linker makes no other relocation'],
];

const source = readFileSync(join(import.meta.dirname, 'start.cc'), 'utf8');

/** @returns {{ line: number, text: string, changed: string }[]} */
function mutations(code) {
  const found = [];
  const add = (index, text, replacement) => {
    const changed = code.slice(0, index) + replacement + code.slice(index + text.length);
    found.push({ line: code.slice(0, index).split('\n').length, text: text.trim(), changed });
  };
  for (const match of code.matchAll(/^\[\[gnu::visibility\("hidden"\)\]\] \w+ \w+ = .*;/gm)) {
    add(match.index, match[0], match[0].replace(/= .*;/, '= 77;'));
  }
  const functions = code.indexOf('void setFeatures()');
  // A statement, on one line or more, that declares nothing and opens no block.
  for (const match of code.matchAll(
    /(?<=[;{}]\n+|\/\/[^\n]*\n)^ +(?!const|static|auto|char|__pthread_unwind|if|for|while)[^\s/}][^;{]*;/gm,
  )) {
    if (match.index > functions) add(match.index, match[0], ';');
  }
  for (const match of code.matchAll(/^ +if \(((?:[^()]|\([^()]*\))*)\) (?!\{)[^;]*;/gm)) {
    if (match.index < functions) continue;
    add(match.index, match[0], ';');
    add(match.index, match[0], match[0].replace(match[1], 'true'));
  }
  for (const match of code.matchAll(/^ +(?:for|while) \([^\n]*\) [^{\n]*;$/gm)) {
    if (match.index > functions) add(match.index, match[0], ';');
  }
  return found;
}

/** Each of `count` processes takes every so many. */
function check(part, count) {
  return inWorkDirectory((work) => {
    const library = prepare(work, COMPILER, [], 2000);
    const file = join(work, 'start.cc');
    const object = join(work, 'start.o');
    const include = (code) =>
      code.replace('"../child/sys.h"', `"${join(import.meta.dirname, '../child/sys.h')}"`);
    const reasonOf = (code) => {
      writeFileSync(file, include(code));
      compile(COMPILER, ['-w'], file, object);
      try {
        accept(library, object);
        return undefined;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return error.message;
      }
    };
    const refused = reasonOf(source);
    if (refused !== undefined) throw new Error(`start.cc itself is refused: ${refused}`);
    const mine = mutations(source).filter((_, i) => i % count === part);
    return mine.filter(({ line, text, changed }) => {
      if (WITHOUT_EFFECT.some(([start]) => text.includes(start))) return false;
      const reason = reasonOf(changed);
      console.log(`${line}: ${text.replace(/\s+/g, ' ')}: ${reason ?? 'ACCEPTED'}`);
      return reason === undefined;
    });
  });
}

const [part] = process.argv.slice(2).map(Number);
const count = availableParallelism();
if (part === undefined) {
  const statuses = Array.from({ length: count }, (_, i) => {
    const child = spawn(process.execPath, [import.meta.filename, String(i)], { stdio: 'inherit' });
    return new Promise((resolve) => child.on('exit', resolve));
  });
  const failed = (await Promise.all(statuses)).some((status) => status !== 0);
  process.exitCode = failed ? 1 : 0;
} else if (check(part, count).length > 0) {
  console.error('a wrong start is accepted');
  process.exitCode = 1;
}
