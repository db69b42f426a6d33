/** Names of signals, as `kill` takes them (signal(7)). */

import { TsrunError } from '../errors.js';
import { SIGRTMAX, SIGRTMIN } from '../native/constants.js';

/** In order of their numbers, from 1 on; the numbers of x86-64 and arm64. */
const NAMES =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP ' +
  'TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS';

const SYNONYMS: Readonly<Record<string, string>> = { IOT: 'ABRT', CLD: 'CHLD', POLL: 'IO' };

/**
 * The number of a signal: `KILL`, `SIGKILL`, `sigkill`, `9`, `RTMIN+3`, `SIGRTMAX-1`.
 * 0, which only asks whether the process is there, is a number like any other.
 *
 * @throws TsrunError ERR_USAGE
 */
export function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number <= SIGRTMAX) return number;
    throw unknown(text);
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const offset = Number(realTime[3] ?? 0) * (realTime[2] === '-' ? -1 : 1);
    const number = (realTime[1] === 'MIN' ? SIGRTMIN : SIGRTMAX) + offset;
    if (number >= SIGRTMIN && number <= SIGRTMAX) return number;
    throw unknown(text);
  }
  const index = NAMES.split(' ').indexOf(
    Object.hasOwn(SYNONYMS, name) ? (SYNONYMS[name] ?? '') : name,
  );
  if (index === -1) throw unknown(text);
  return index + 1;
}

function unknown(text: string): TsrunError {
  return new TsrunError('ERR_USAGE', `unknown signal ${JSON.stringify(text)}`);
}
