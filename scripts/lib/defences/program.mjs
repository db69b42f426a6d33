// Runs a program to its end.

import { spawn } from 'node:child_process';

/** Longer than any build or test here takes. */
const LIMIT_MS = 10 * 60_000;

/** @returns its status, or the signal that ended it, and all it said */
export function runProgram(command, cwd, env = {}) {
  return new Promise((resolve, reject) => {
    const [file, ...args] = command;
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status: status ?? signal, output }));
  });
}
