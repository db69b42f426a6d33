import { escaped } from '../printable.js';
import { stringifyJson } from './json.js';

/** Something that is wrong with a config.json or a document like it. */
export interface Problem {
  /** JSON pointer (RFC 6901) to what is wrong, '' for the whole document. */
  readonly pointer: string;
  /** What is wrong with it, to be read after the pointer: `must be an absolute path`. */
  readonly message: string;
}

/** `pointer: message` on one line, or the message alone for the whole document. */
export function describeProblem({ pointer, message }: Problem): string {
  // Names in a document may hold anything, a line break too.
  return escaped(pointer === '' ? message : `${pointer}: ${message}`);
}

/** As much as a message has of one thing. */
const MAX_SHOWN = 1000;

/** The beginning and the end of a text that a document may make of any length. */
export function shortened(text: string, max = MAX_SHOWN): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max / 2)}...${text.slice(-max / 2)}`;
}

/**
 * A value of a document in a message. What the schema refuses is looked at too, to say all that is
 * wrong at once: where a name belongs there may be anything.
 */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : shortened(stringifyJson(value));
}

/** A member's name as it is written in a JSON pointer. */
export function pointerToken(name: string): string {
  return name.includes('~') || name.includes('/')
    ? name.replace(/~/g, '~0').replace(/\//g, '~1')
    : name;
}
