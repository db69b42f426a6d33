/**
 * Values in GVariant's text form, in which annotations give properties of
 * units: `uint64 5000000`, `'inactive-or-failed'`, `['a.service']`, `@as []`.
 *
 * Source: GVariant Text Format, https://docs.gtk.org/glib/gvariant-text-format.html.
 * Left out, and refused: dictionaries, maybe types, byte strings and doubles,
 * which no property of a unit has.
 */

import type { BusItem } from '../../native/types.js';

export interface GVariant {
  /** D-Bus signature of one complete type. */
  signature: string;
  items: BusItem[];
}

const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ['boolean', 'b'],
  ['byte', 'y'],
  ['int16', 'n'],
  ['uint16', 'q'],
  ['int32', 'i'],
  ['uint32', 'u'],
  ['int64', 'x'],
  ['uint64', 't'],
  ['string', 's'],
  ['objectpath', 'o'],
  ['signature', 'g'],
]);

/** The least and greatest value of each type of integer. */
const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 0xffn],
  n: [-0x8000n, 0x7fffn],
  q: [0n, 0xffffn],
  i: [-0x80000000n, 0x7fffffffn],
  u: [0n, 0xffffffffn],
  x: [-0x8000000000000000n, 0x7fffffffffffffffn],
  t: [0n, 0xffffffffffffffffn],
};

const DEPTH_MAX = 16;

/** In characters: one of 64 bits takes 20 as a decimal number, and may have zeros before it. */
const MAX_NUMBER = 100;

/** @returns the value, or what is wrong with the text */
export function parseGVariant(text: string): GVariant | { fault: string } {
  try {
    return new Parser(text).parse();
  } catch (error) {
    if (error instanceof Fault) return { fault: error.reason };
    throw error;
  }
}

class Fault extends Error {
  constructor(readonly reason: string) {
    super(reason);
  }
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  parse(): GVariant {
    const value = this.value(undefined, 0);
    this.space();
    if (this.at < this.text.length) throw this.fault('something follows the value');
    return value;
  }

  /** @param wanted the type that it has to be, where that is known */
  private value(wanted: string | undefined, depth: number): GVariant {
    if (depth > DEPTH_MAX) throw this.fault('it is nested too deep');
    this.space();
    const next = this.text[this.at] ?? '';
    if (next === '@') {
      this.at++;
      const type = this.match(/[a-z()]+/y) ?? '';
      if (!isCompleteType(type)) throw this.fault(`"${type}" is no type`);
      return this.value(this.agree(type, wanted), depth + 1);
    }
    if (next === "'" || next === '"') return this.string(wanted);
    if (next === '[') return this.array(wanted, depth);
    if (next === '(') return this.tuple(wanted, depth);
    if (next === '<') return this.variant(wanted, depth);
    const word = this.match(/[a-z0-9]+(?=[^0-9a-zA-Z.]|$)/y);
    if (word === 'true' || word === 'false') {
      return basic(this.agree('b', wanted), word === 'true' ? '1' : '0');
    }
    const keyword = word === undefined ? undefined : KEYWORDS.get(word);
    if (keyword !== undefined) return this.value(this.agree(keyword, wanted), depth + 1);
    if (word !== undefined) this.at -= word.length;
    return this.number(wanted);
  }

  private number(wanted: string | undefined): GVariant {
    const text = this.match(/[+-]?(0x[0-9a-fA-F]+|[0-9]+)(?![0-9a-zA-Z.])/y);
    if (text === undefined) throw this.fault('a value was expected');
    const type = wanted ?? 'i';
    const range = RANGES[type];
    if (range === undefined) throw this.fault(`a value of type "${type}" was expected`);
    if (text.length > MAX_NUMBER) throw this.fault('a number is longer than any of its type');
    const digits = text.replace(/^[+-]/, '');
    // As in C: a leading 0 makes it octal.
    if (/^0[0-9]*[89]/.test(digits)) throw this.fault(`"${text}" is no octal number`);
    const size = BigInt(/^0[0-9]/.test(digits) ? `0o${digits.slice(1)}` : digits);
    const number = text.startsWith('-') ? -size : size;
    if (number < range[0] || number > range[1]) {
      throw this.fault(`${text} is out of the range of type "${type}"`);
    }
    return basic(type, number.toString());
  }

  private string(wanted: string | undefined): GVariant {
    const type = wanted ?? 's';
    if (type !== 's' && type !== 'o' && type !== 'g') {
      throw this.fault(`a value of type "${type}" was expected`);
    }
    const quote = this.text[this.at++];
    let value = '';
    for (;;) {
      const letter = this.text[this.at++];
      if (letter === undefined) throw this.fault('a string does not end');
      if (letter === quote) return basic(type, value);
      value += letter === '\\' ? this.escaped() : letter;
    }
  }

  private escaped(): string {
    const letter = this.text[this.at++] ?? '';
    const simple: Readonly<Record<string, string>> = {
      ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
      ...{ '\\': '\\', "'": "'", '"': '"' },
    };
    const plain = simple[letter];
    if (plain !== undefined) return plain;
    const code = this.match(letter === 'u' ? /[0-9a-fA-F]{4}/y : /[0-9a-fA-F]{8}/y);
    const point = (letter === 'u' || letter === 'U') && code !== undefined ? parseInt(code, 16) : 0;
    const isSurrogate = point >= 0xd800 && point <= 0xdfff;
    if (point === 0 || point > 0x10ffff || isSurrogate)
      throw this.fault(`the escape "\\${letter}" is unknown`);
    return String.fromCodePoint(point);
  }

  private array(wanted: string | undefined, depth: number): GVariant {
    if (wanted !== undefined && !wanted.startsWith('a')) {
      throw this.fault(`a value of type "${wanted}" was expected`);
    }
    let element = wanted?.slice(1);
    const items: BusItem[] = [];
    this.at++;
    for (let first = true; !this.take(']'); first = false) {
      if (!first) this.expect(',');
      const value = this.value(element, depth + 1);
      element ??= value.signature;
      // There may be more than a call has arguments.
      for (const item of value.items) items.push(item);
    }
    if (element === undefined) throw this.fault('the type of an empty array is unknown (@as [])');
    return { signature: `a${element}`, items: [['a', element], ...items, [')', '']] };
  }

  private tuple(wanted: string | undefined, depth: number): GVariant {
    const types = wanted === undefined ? undefined : members(wanted);
    if (wanted !== undefined && types === undefined) {
      throw this.fault(`a value of type "${wanted}" was expected`);
    }
    let contents = '';
    const items: BusItem[] = [];
    this.at++;
    let count = 0;
    for (; !this.take(')'); count++) {
      if (count > 0) {
        this.expect(',');
        // One element is written with a comma behind it.
        if (count === 1 && this.take(')')) break;
      }
      const type = types?.[count];
      if (types !== undefined && type === undefined) throw this.fault('a tuple is too long');
      const value = this.value(type, depth + 1);
      contents += value.signature;
      for (const item of value.items) items.push(item);
    }
    if (count === 0) throw this.fault('a tuple is empty');
    if (types !== undefined && count < types.length) throw this.fault('a tuple is too short');
    return { signature: `(${contents})`, items: [['r', contents], ...items, [')', '']] };
  }

  private variant(wanted: string | undefined, depth: number): GVariant {
    this.agree('v', wanted);
    this.at++;
    const { signature, items } = this.value(undefined, depth + 1);
    this.expect('>');
    return { signature: 'v', items: [['v', signature], ...items, [')', '']] };
  }

  private agree(type: string, wanted: string | undefined): string {
    if (wanted === undefined || wanted === type) return type;
    throw this.fault(`a value of type "${wanted}" was expected`);
  }

  private take(letter: string): boolean {
    this.space();
    if (this.text[this.at] !== letter) return false;
    this.at++;
    return true;
  }

  private expect(letter: string): void {
    if (!this.take(letter)) throw this.fault(`"${letter}" was expected`);
  }

  private space(): void {
    this.match(/[ \t\r\n]+/y);
  }

  /** @param pattern a sticky one */
  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private fault(reason: string): Fault {
    return new Fault(`${reason}, at character ${this.at + 1}`);
  }
}

function basic(type: string, text: string): GVariant {
  return { signature: type, items: [[type, text]] };
}

/** The types of a tuple's members; undefined when it is no tuple. */
function members(type: string): string[] | undefined {
  if (!type.startsWith('(') || !type.endsWith(')')) return undefined;
  const found: string[] = [];
  for (let at = 1; at < type.length - 1;) {
    const end = completeTypeEnd(type, at);
    if (end === undefined) return undefined;
    found.push(type.slice(at, end));
    at = end;
  }
  return found.length === 0 ? undefined : found;
}

function isCompleteType(type: string): boolean {
  return type !== '' && completeTypeEnd(type, 0) === type.length;
}

/** @returns undefined for what is no type, or nested too deep */
function completeTypeEnd(type: string, at: number, depth = 0): number | undefined {
  const letter = type[at];
  if (letter === undefined || depth > DEPTH_MAX) return undefined;
  if (letter === 'a') return completeTypeEnd(type, at + 1, depth + 1);
  if (letter !== '(') return /[bynqiuxtsogv]/.test(letter) ? at + 1 : undefined;
  let next: number | undefined = at + 1;
  while (type[next] !== ')') {
    next = completeTypeEnd(type, next, depth + 1);
    if (next === undefined) return undefined;
  }
  return next === at + 1 ? undefined : next + 1;
}
