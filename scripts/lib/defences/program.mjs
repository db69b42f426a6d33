// Runs a program to its end.

import { spawn } from 'node:child_process';

/** Longer than any build or test here takes. */
const LIMIT_MS = 10 * 60_000;

/** Of those that do not end when they are asked to. */
const PATIENCE_MS = 10_000;

const running = new Set();
let ending = false;

/** @returns its status, or the signal that ended it, and all it said */
export function runProgram(command, cwd, env = {}) {
  return new Promise((resolve, reject) => {
    if (ending) return;
    const [file, ...args] = command;
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      // In a group of its own, with all that it starts.
      detached: true,
    });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.on('error', (error) => {
      running.delete(child);
      reject(error);
    });
    child.on('close', (status, signal) => {
      running.delete(child);
      if (!ending) resolve({ status: status ?? signal, output });
    });
  });
}

/** Ends what runs, with all that it has started: nobody hears of it any more, and nothing is run after. */
export async function endPrograms() {
  ending = true;
  const ends = [...running].map((child) => new Promise((resolve) => child.on('close', resolve)));
  signalAll('SIGTERM');
  const timer = setTimeout(() => signalAll('SIGKILL'), PATIENCE_MS);
  await Promise.all(ends);
  clearTimeout(timer);
}

function signalAll(signal) {
  for (const { pid } of running) {
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}
