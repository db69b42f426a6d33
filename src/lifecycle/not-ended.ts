/** Why a process that was killed does not end: for the message of a failure. */

import type { Native } from '../native/types.js';
import { printable } from '../printable.js';

/** Of /proc/PID/status. */
const MAX_SIZE = 16 * 1024;

/** So many processes are told of. */
const MOST = 4;

/** What proc_pid_status(5) says. */
interface Seen {
  pid: number;
  /** The name that the process has given itself. */
  comm: string;
  /** `R`, `S`, `D`, `Z` ... */
  state: string;
  parent: number;
}

/**
 * The first process of a pid namespace ends after all others in it, and these only when their
 * parents have reaped them (pid_namespaces(7)): a parent outside that does not holds them all.
 *
 * @returns '' when nothing can be seen, else words to follow `process PID does not end`
 */
export function whyNotEnded(native: Native, pid: number): string {
  const reasons = others(native, pid)
    .slice(0, MOST)
    .map((process) => describe(native, process));
  if (reasons.length > 0) return `: ${reasons.join('; ')}`;
  const own = look(native, pid);
  return own === undefined ? '' : `: it is in state ${own.state}`;
}

function others(native: Native, pid: number): Seen[] {
  const namespace = native.readlink(`/proc/${pid}/ns/pid`);
  // Where it has no pid namespace of its own it waits for nobody.
  if (typeof namespace === 'number' || namespace === native.readlink('/proc/self/ns/pid'))
    return [];
  const names = native.readdir('/proc');
  if (typeof names === 'number') return [];
  const found: Seen[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name) || Number(name) === pid) continue;
    if (native.readlink(`/proc/${name}/ns/pid`) !== namespace) continue;
    const process = look(native, Number(name));
    if (process !== undefined) found.push(process);
  }
  return found;
}

function look(native: Native, pid: number): Seen | undefined {
  const text = native.readText(`/proc/${pid}/status`, MAX_SIZE);
  if (typeof text === 'number') return undefined;
  const field = (name: string): string =>
    new RegExp(`^${name}:\\t(.*)$`, 'm').exec(text)?.[1] ?? '?';
  return {
    pid,
    // It is the container's to choose, and goes to terminals.
    comm: printable(field('Name')),
    state: field('State').slice(0, 1),
    parent: Number(field('PPid')),
  };
}

function describe(native: Native, { pid, comm, state, parent }: Seen): string {
  const name = look(native, parent)?.comm ?? '?';
  const process = `process ${pid} (${comm})`;
  return state === 'Z'
    ? `${process} is a zombie that its parent ${parent} (${name}) has not reaped`
    : `${process}, a child of ${parent} (${name}), is in state ${state}`;
}
