// Runs the parts of a test run, as programs, and makes the end of the output of
// what they left: every failed test by name, then one line of counts.
//
// A part is { name, command, env?, minutes?, about? }: it is killed after `minutes`,
// and takes `about` as many. runParts() takes a list of
// stages, one after another; a stage is a part, or a list of lanes that run
// beside each other, each a list of parts. The output of a part that is alone
// is passed on as it comes; beside another it is kept, and printed whole.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longer than any part takes on a slow machine: then it hangs. */
const MINUTES = 40;
/** A process that a part left behind may hold its output open. */
const DRAIN_MS = 2000;

const write = (text) => process.stdout.write(text);

/** The lines of a program's last output that may say what was wrong. */
function lastLines(output) {
  const text = output.replaceAll(/\u001b\[[0-9;]*m/g, '');
  return text.trim().split('\n').slice(-3).join(' | ').slice(-500);
}

/** Runs one program in a process group of its own. Resolves to its output, and what was wrong. */
function runProgram({ command, env = {}, minutes = MINUTES }, results, running, show) {
  return new Promise((resolve) => {
    const [file, ...args] = command;
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...env, TSRUN_TEST_RESULTS: results },
    });
    const job = { output: '', stop: (signal) => child.pid && kill(child.pid, signal) };
    running.add(job);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      job.stop('SIGKILL');
    }, minutes * 60_000);
    let drain;
    const end = (wrong) => {
      clearTimeout(limit);
      clearTimeout(drain);
      running.delete(job);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ output: job.output, wrong });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        job.output += text;
        show(text);
      });
    }
    const verdict = (status, signal) => {
      if (late) return `took longer than ${minutes} minutes`;
      if (signal !== null) return `ended by ${signal}`;
      return status === 0 ? undefined : `exit status ${status}`;
    };
    child.on('error', (error) => end(error.message));
    child.on('exit', (status, signal) => {
      drain = setTimeout(() => end(verdict(status, signal)), DRAIN_MS);
    });
    child.on('close', (status, signal) => end(verdict(status, signal)));
  });
}

function kill(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}

/** What results-reporter.mjs left of one part. */
function readResults(directory) {
  const sum = { passed: 0, failed: 0, skipped: 0, failures: [], secondTries: [], finished: true };
  for (const name of readdirSync(directory).sort()) {
    const result = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    for (const key of ['passed', 'failed', 'skipped']) sum[key] += result[key];
    sum.failures.push(...result.failures);
    sum.secondTries.push(...result.secondTries);
    sum.finished &&= result.finished;
  }
  return sum;
}

/** Runs one part: its results. A part that fails without a failed test counts as one. */
async function runPart(part, results, running, beside) {
  if (!beside) write(`\n== ${part.name}\n`);
  const directory = mkdtempSync(join(results, 'part-'));
  const start = Date.now();
  const { output, wrong } = await runProgram(part, directory, running, beside ? () => {} : write);
  const seconds = (Date.now() - start) / 1000;
  const took = `${part.name}: ${seconds.toFixed(0)} s`;
  if (beside) write(`\n== ${part.name}\n${output}`);
  const result = readResults(directory);
  if (wrong !== undefined && (result.failed === 0 || !result.finished)) {
    result.failed += 1;
    result.failures.push({
      file: '',
      name: '',
      error: [wrong, lastLines(output)].filter(Boolean).join(': '),
    });
  }
  write(result.failed === 0 ? `(${took})\n` : `failed: ${took}\n`);
  return { ...result, part: part.name, seconds };
}

const lanesOf = (stage) => (Array.isArray(stage) ? stage : [[stage]]);
const minutesOf = (lane) => lane.reduce((total, { about = 0 }) => total + about, 0);

/** What is going to be run, and how long that takes. */
function announcement(stages) {
  const lines = stages.map((stage) => {
    const lanes = lanesOf(stage);
    const minutes = Math.max(...lanes.map(minutesOf));
    const names = lanes.map((lane) => lane.map(({ name }) => name).join(', ')).join(' | ');
    return { minutes, text: `  ${minutes.toFixed(1).padStart(4)}  ${names}\n` };
  });
  const total = lines.reduce((sum, { minutes }) => sum + minutes, 0);
  return `Runs these parts, in about ${Math.ceil(total)} minutes on two cores ("|": beside each other):\n${lines
    .map(({ text }) => text)
    .join('')}`;
}

const line = (part, { file, name, error }) =>
  `  ${[part, file, name, error].filter((text) => text !== '').join(': ')}\n`;

/** The end of the output: how long it took, what needed a second try, what failed, and the counts. */
export function ending(results) {
  const list = (title, key) => {
    const lines = results.flatMap((result) => result[key].map((test) => line(result.part, test)));
    return lines.length === 0 ? '' : `\n${title}:\n${lines.join('')}`;
  };
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const minutes = results.map(
    ({ part, seconds }) => `  ${(seconds / 60).toFixed(1).padStart(4)}  ${part}\n`,
  );
  return (
    `\nMinutes:\n${minutes.join('')}` +
    list('Passed on the second try', 'secondTries') +
    list('Failed', 'failures') +
    `\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`
  );
}

/**
 * Runs all stages and prints the ending.
 *
 * @returns the exit status. After a failed part with `needed` nothing else is run.
 */
export async function runParts(stages) {
  const results = mkdtempSync(join(tmpdir(), 'tsrun-test-results-'));
  mkdirSync(results, { recursive: true });
  const running = new Set();
  const remove = () => rmSync(results, { recursive: true, force: true });
  for (const [signal, status] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
    process.once(signal, () => {
      for (const job of running) {
        job.stop(signal);
        write(`\n${job.output}`);
      }
      remove();
      process.exit(status);
    });
  }

  write(announcement(stages));
  const done = [];
  for (const stage of stages) {
    if (Array.isArray(stage)) {
      const names = stage.flat().map(({ name }) => `   ${name}\n`);
      write(`\n== Beside each other:\n${names.join('')}`);
      await Promise.all(
        stage.map(async (lane) => {
          for (const part of lane) {
            const result = await runPart(part, results, running, true);
            done.push(result);
            if (part.needed && result.failed > 0) break;
          }
        }),
      );
    } else {
      const result = await runPart(stage, results, running, false);
      done.push(result);
      if (stage.needed && result.failed > 0) break;
    }
  }
  remove();
  write(ending(done));
  return done.every(({ failed }) => failed === 0) ? 0 : 1;
}
