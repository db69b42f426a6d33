/**
 * Runs command lines on one host, one after another, for a test that compares
 * the hosts: in an empty /run, so that no container of this machine is meant.
 *
 *   node command-lines.mjs DIST HOST < LINES > RESULTS
 *
 * DIST is dist/. HOST is `executable`, `node`, or `library`: the program of the
 * Node host without a process for each line, its output caught.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [dist, host] = process.argv.slice(2);

/** The program of the Node host in this process, as src/cli/main-node.ts puts it together. */
async function library() {
  const load = (file) => import(join(dist, file));
  const [{ main }, { parseWithCommander }, { loadNative, environment }] = await Promise.all([
    load('cli/main.js'),
    load('cli/commander.js'),
    load('native/node.js'),
  ]);
  const real = loadNative();
  return async (words) => {
    const written = { 1: [], 2: [] };
    const native = Object.create(real, {
      write: {
        value: (fd, data) => {
          if (written[fd] === undefined) return real.write(fd, data);
          const bytes = Buffer.from(data);
          written[fd].push(bytes);
          return bytes.length;
        },
      },
    });
    const status = await main({ native, environment: environment() }, parseWithCommander(words));
    const [stdout, stderr] = [1, 2].map((fd) => Buffer.concat(written[fd]).toString());
    return { status, stdout, stderr };
  };
}

function program(...command) {
  return (words) => {
    const [file, ...args] = [...command, ...words];
    const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8' });
    if (error) throw error;
    return { status, stdout, stderr };
  };
}

const run = {
  executable: () => program(join(dist, 'tsrun')),
  node: () => program(process.execPath, join(dist, 'cli/main-node.js')),
  library,
}[host];

const runLine = await run();
const results = [];
for (const words of JSON.parse(readFileSync(0, 'utf8'))) results.push(await runLine(words));
process.stdout.write(JSON.stringify(results));
