/**
 * Operations of container managers, run with tsrun and the same with crun: their
 * effect is checked with both, and how long they took goes into a table.
 */

import { test } from 'vitest';

import type { Guest } from '../../support/guest.js';
import { record } from './results.js';

/** runc where it is what managers expect, and crun does something else. */
export type Runtime = 'tsrun' | 'crun' | 'runc';

/**
 * A shell function that waits for what nothing tells of, half a minute at least,
 * and names it when it does not come.
 */
export const WAIT_FOR =
  'wait_for() { for i in $(seq 300); do eval "$1" && return; sleep 0.1; done; echo "not: $1"; }';

/**
 * A shell function that names cgroups and state directories of an id. While it
 * looks, those of other containers vanish, and find complains of them.
 */
export const LEFT =
  'left() { find /sys/fs/cgroup /run/containerd/runc /run/docker/runtime* -name "*$1*" 2>/dev/null | cat; }';

/** What tells ten containers apart that run at once. */
export const TEN = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** Where managers are called: a virtual machine, or a place on this one. */
export type Place = Pick<Guest, 'run' | 'write'>;

/** One thing that a person does with a manager. */
export interface Operation {
  /** As the table has it: 'stop', 'run --memory'. */
  name: string;
  /**
   * A shell script (busybox), in a shell of its own with nothing to read. It has
   * `$runtime` (tsrun, crun or runc) and `$name`, the same in all operations of a
   * scenario and nobody else's: for containers, files and networks.
   */
  script: string;
  /** What it prints, on both streams together, but for blanks at both ends. */
  prints: string | RegExp;
  /** 0 unless it says something else. */
  status?: number;
}

/** Operations that follow each other, often on one container. */
export interface Scenario {
  manager: string;
  /** 'root', or who else calls the manager. */
  caller: string;
  /** 'systemd' or 'cgroupfs': who makes the control groups. */
  cgroups: string;
  /** What comes before each operation's script: variables and functions of the shell. */
  prelude?: string;
  operations: readonly Operation[];
  /** Runs afterwards, whatever has failed, and has to succeed. */
  cleanUp?: string;
  /** tsrun and crun, at once, unless it says something else. */
  runtimes?: readonly Runtime[];
  /** A command that runs a shell script whose file is put after it: as somebody else, say. */
  shell?: string;
}

/** For all operations of a scenario, emulated on a busy machine. */
const TIMEOUT_MS = 590_000;

/**
 * A test of a scenario. It fails where an operation does not do with one of the
 * runtimes what it should, and names all of them.
 */
export function testOperations(place: Place, title: string, scenario: Scenario): void {
  test(title, { timeout: TIMEOUT_MS }, async () => {
    const runtimes = scenario.runtimes ?? (['tsrun', 'crun'] as const);
    const failures = await Promise.all(runtimes.map((runtime) => run(place, scenario, runtime)));
    const text = failures.flat().join('\n');
    if (text !== '') throw new Error(text);
  });
}

interface Outcome {
  status: number;
  output: string;
  seconds: number;
}

let counter = 0;

/** @returns what is wrong */
async function run(place: Place, scenario: Scenario, runtime: Runtime): Promise<string[]> {
  counter += 1;
  const name = `m${process.pid}-${counter}-${runtime}`;
  const file = place.write(name, script(scenario, runtime, name));
  const { stdout, stderr } = await place.run(`${scenario.shell ?? 'sh'} ${file}`, TIMEOUT_MS);
  const outcomes = parse(stdout);
  const failures: string[] = [];
  const check = (operation: Operation, number: number): string | undefined => {
    const outcome = outcomes.get(number);
    const wrong =
      outcome === undefined ? `did not come to its end\n${stderr}` : mistake(operation, outcome);
    if (wrong !== undefined) failures.push(`${operation.name}, with ${runtime}: ${wrong}`);
    return wrong;
  };
  scenario.operations.forEach((operation, number) => {
    record({
      ...{ manager: scenario.manager, caller: scenario.caller, cgroups: scenario.cgroups },
      ...{ operation: operation.name, runtime },
      seconds: outcomes.get(number)?.seconds ?? 0,
      works: check(operation, number) === undefined,
    });
  });
  const cleanUp = { name: 'cleaning up', script: scenario.cleanUp ?? '', prints: /^/ };
  check(cleanUp, scenario.operations.length);
  return failures;
}

function mistake({ prints, status = 0 }: Operation, outcome: Outcome): string | undefined {
  const right =
    typeof prints === 'string' ? outcome.output === prints : prints.test(outcome.output);
  if (right && outcome.status === status) return undefined;
  return `status ${outcome.status} instead of ${status}, and printed\n${outcome.output}\ninstead of\n${String(prints)}`;
}

/** One script for all, as each call of the guest takes a third of a second. */
function script(scenario: Scenario, runtime: Runtime, name: string): string {
  const scripts = scenario.operations.map((operation) => operation.script);
  const steps = [...scripts, scenario.cleanUp ?? ''].map(
    (step, number) => `
echo '${MARK}${number}'
read -r before rest </proc/uptime
(
${scenario.prelude ?? ''}
${step}
) 2>&1
status=$?
read -r after rest </proc/uptime
printf '\\n${MARK}%s\\n' "$status $before $after"`,
  );
  return `runtime=${runtime}\nname=${name}\n${steps.join('\n')}\n`;
}

const MARK = '@operation ';

/** Outcomes by number; of an operation that did not come to its end there is none. */
function parse(text: string): Map<number, Outcome> {
  const outcomes = new Map<number, Outcome>();
  const parts = text.split(new RegExp(`^${MARK}(.*)\\n`, 'm'));
  // Text before the first mark, and then: number, output, numbers of the end, nothing.
  for (let at = 1; at + 2 < parts.length; at += 4) {
    const [number, output, end] = parts.slice(at, at + 3) as [string, string, string];
    const [status = NaN, before = NaN, after = NaN] = end.split(' ').map(Number);
    // On a terminal: ends of lines, and the echo of what script types when its input has ended.
    const plain = output.replaceAll('\r', '').replaceAll('^@', '').trim();
    outcomes.set(Number(number), { status, output: plain, seconds: after - before });
  }
  return outcomes;
}
