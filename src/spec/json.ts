/**
 * JSON with exact 64-bit integers, and errors in our own words.
 *
 * RLIM_INFINITY, seccomp arguments and memory limits exceed 2^53, where
 * JSON.parse rounds. The engine's parser is several times faster than one
 * written in JavaScript, so it goes first; the exact reader below runs only
 * for a text that has such a number, or to say what is wrong with it.
 */

/** Where and why a text is not JSON. The message is `line L, column C: reason`. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;

  constructor(line: number, column: number, reason: string) {
    super(`line ${line}, column ${column}: ${reason}`);
    this.line = line;
    this.column = column;
  }
}

export interface JsonOptions {
  /** How deep objects and arrays may be nested; 1000 when absent. */
  maxDepth?: number;
  /** How many values there may be, those in others too; MAX_VALUES when absent. */
  maxValues?: number;
}

const defaultMaxDepth = 1000;

/**
 * Many times what a config.json of thousands of mounts has. A value takes 200
 * bytes of memory and more, whatever its text takes.
 */
export const MAX_VALUES = 1 << 18;

/**
 * In characters. The exact value of any double takes 770 digits; an engine takes
 * time by the square of them to make an integer.
 */
const MAX_NUMBER = 1000;

/**
 * Reads a JSON text (RFC 8259).
 *
 * An integer, written without fraction and exponent, that a number cannot hold
 * exactly becomes a bigint; every other number is what JSON.parse makes of it.
 * Of members of the same name the last one counts, as in Go and JSON.parse.
 * A byte order mark is refused, as Go does: managers never write one. So are a
 * number of more than 1000 characters, and more values or levels than `options` say.
 *
 * @throws JsonError
 */
export function parseJson(text: string, options: JsonOptions = {}): unknown {
  const maxDepth = options.maxDepth ?? defaultMaxDepth;
  const maxValues = options.maxValues ?? MAX_VALUES;
  if (mayExceed(text, maxValues)) return readExactly(text, maxDepth, maxValues);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return readExactly(text, maxDepth, maxValues);
  }
  return isExact(value, maxDepth) ? value : readExactly(text, maxDepth, maxValues);
}

/**
 * Whether a text may hold too long a number, or too many values, so that the engine
 * had better not parse it. What stands in strings is counted too, for speed: the
 * exact reader knows better.
 */
export function mayExceed(text: string, maxValues: number = MAX_VALUES): boolean {
  // No number of that length lies between two of these places.
  for (let at = 0; at < text.length; at += MAX_NUMBER) {
    let from = at;
    let to = at;
    while (at - from <= MAX_NUMBER && isOfNumber(text.charCodeAt(from - 1))) from--;
    while (to - from <= MAX_NUMBER && isOfNumber(text.charCodeAt(to))) to++;
    if (to - from > MAX_NUMBER) return true;
  }
  // A value and what parts it from the next one take two characters.
  if (text.length < 2 * maxValues) return false;
  let values = 1;
  for (const before of [',', '[', '{']) {
    for (let at = text.indexOf(before); at >= 0; at = text.indexOf(before, at + 1)) {
      if (++values > maxValues) return true;
    }
  }
  return false;
}

/** Not of NaN, which stands for the ends of the text. */
function isOfNumber(char: number): boolean {
  return (
    isDigit(char) ||
    char === DOT ||
    char === MINUS ||
    char === PLUS ||
    char === LOWER_E ||
    char === UPPER_E
  );
}

/**
 * Whether no number can have been rounded, and nothing is nested too deep.
 * Rounding keeps order, so what was beyond 2^53 still is. Not recursive: the
 * stack of the second host is small.
 */
function isExact(value: unknown, maxDepth: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const below: unknown[] = [];
    for (const item of level) {
      if (typeof item === 'number') {
        if (item > Number.MAX_SAFE_INTEGER || item < Number.MIN_SAFE_INTEGER) return false;
      } else if (typeof item === 'object' && item !== null) {
        if (depth === maxDepth) return false;
        const children = item as Record<string, unknown>;
        for (const key in children) {
          const child = children[key];
          if (typeof child !== 'string') below.push(child);
        }
      }
    }
    level = below;
  }
  return true;
}

/** Reads a JSON text as parseJson does, without the engine's parser. Exported for tests. */
export function readExactly(
  text: string,
  maxDepth: number = defaultMaxDepth,
  maxValues: number = MAX_VALUES,
): unknown {
  return new Reader(text, maxDepth, maxValues).read();
}

// Characters by their codes.
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;

/** An object or array that is being read. */
type Open = { isArray: true; items: unknown[] } | { isArray: false; members: object; key: string };

class Reader {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #values = 0;
  #at = 0;

  constructor(text: string, maxDepth: number, maxValues: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  /** The whole text. A stack of its own stands for recursion. */
  read(): unknown {
    if (this.#text.charCodeAt(0) === BYTE_ORDER_MARK) {
      this.#fail('a byte order mark is not allowed');
    }
    const open: Open[] = [];
    for (;;) {
      this.#skipSpace();
      const char = this.#text.charCodeAt(this.#at);
      if (++this.#values > this.#maxValues) this.#fail(`more than ${this.#maxValues} values`);
      let value: unknown;
      if (char === OPEN_BRACE || char === OPEN_BRACKET) {
        if (open.length === this.#maxDepth) this.#fail(`nested deeper than ${this.#maxDepth}`);
        this.#at++;
        this.#skipSpace();
        if (char === OPEN_BRACKET) {
          const items: unknown[] = [];
          if (this.#text.charCodeAt(this.#at) !== CLOSE_BRACKET) {
            open.push({ isArray: true, items });
            continue;
          }
          value = items;
        } else {
          const members = {};
          if (this.#text.charCodeAt(this.#at) !== CLOSE_BRACE) {
            open.push({ isArray: false, members, key: this.#readKey(" or '}'") });
            continue;
          }
          value = members;
        }
        this.#at++;
      } else {
        value = this.#readScalar(char, open);
      }

      // The value is complete: it belongs to what is open, which it may complete.
      for (;;) {
        this.#skipSpace();
        const top = open[open.length - 1];
        if (top === undefined) {
          if (this.#at < this.#text.length) this.#fail('more text after the end of the value');
          return value;
        }
        const next = this.#text.charCodeAt(this.#at);
        if (top.isArray) {
          top.items.push(value);
          if (next === COMMA) {
            this.#at++;
            break;
          }
          if (next !== CLOSE_BRACKET) this.#expected("',' or ']' after an element");
          value = top.items;
        } else {
          setMember(top.members, top.key, value);
          if (next === COMMA) {
            this.#at++;
            this.#skipSpace();
            top.key = this.#readKey('');
            break;
          }
          if (next !== CLOSE_BRACE) this.#expected("',' or '}' after a member");
          value = top.members;
        }
        this.#at++;
        open.pop();
      }
    }
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (char !== SPACE && char !== NEWLINE && char !== RETURN && char !== TAB) {
        return;
      }
      this.#at++;
    }
  }

  /** A member's name and the colon after it. */
  #readKey(alternative: string): string {
    if (this.#text.charCodeAt(this.#at) !== QUOTE) {
      this.#expected(`a member name in double quotes${alternative}`);
    }
    const key = this.#readString();
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== COLON) {
      this.#expected("':' after a member name");
    }
    this.#at++;
    return key;
  }

  #readScalar(char: number, open: readonly Open[]): unknown {
    if (char === QUOTE) return this.#readString();
    if (char === MINUS || isDigit(char)) return this.#readNumber();
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    const top = open[open.length - 1];
    const first = top?.isArray === true && top.items.length === 0;
    return this.#expected(first ? "a value or ']'" : 'a value');
  }

  #readNumber(): number | bigint {
    const start = this.#at;
    if (this.#text.charCodeAt(this.#at) === MINUS) this.#at++;
    if (this.#text.charCodeAt(this.#at) === ZERO) {
      this.#at++;
      if (isDigit(this.#text.charCodeAt(this.#at))) {
        this.#fail('a number must not begin with a needless 0');
      }
    } else {
      this.#skipDigits("after '-'", start);
    }
    let isInteger = true;
    if (this.#text.charCodeAt(this.#at) === DOT) {
      isInteger = false;
      this.#at++;
      this.#skipDigits("after '.'", start);
    }
    const mark = this.#text.charCodeAt(this.#at);
    if (mark === LOWER_E || mark === UPPER_E) {
      isInteger = false;
      this.#at++;
      const sign = this.#text.charCodeAt(this.#at);
      if (sign === PLUS || sign === MINUS) this.#at++;
      this.#skipDigits('in an exponent', start);
    }
    const written = this.#text.slice(start, this.#at);
    const value = Number(written);
    return isInteger && !Number.isSafeInteger(value) ? BigInt(written) : value;
  }

  /** At least one digit. */
  #skipDigits(where: string, start: number): void {
    if (!isDigit(this.#text.charCodeAt(this.#at))) this.#expected(`a digit ${where}`);
    while (isDigit(this.#text.charCodeAt(this.#at))) {
      if (++this.#at - start > MAX_NUMBER) {
        this.#at = start;
        this.#fail(`a number of more than ${MAX_NUMBER} characters`);
      }
    }
  }

  #readString(): string {
    const opening = this.#at;
    let from = ++this.#at;
    let value = '';
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (char === QUOTE) {
        value += this.#text.slice(from, this.#at++);
        return value;
      }
      if (char === BACKSLASH) {
        value += this.#text.slice(from, this.#at);
        value += this.#readEscape();
        from = this.#at;
      } else if (char < SPACE) {
        if (char === NEWLINE || char === RETURN) this.#unterminated(opening);
        this.#fail('a control character in a string must be written as an escape');
      } else if (Number.isNaN(char)) {
        this.#unterminated(opening);
      } else {
        this.#at++;
      }
    }
  }

  #unterminated(opening: number): never {
    this.#at = opening;
    return this.#fail('the string that begins here has no end');
  }

  #readEscape(): string {
    const letter = this.#text.charAt(this.#at + 1);
    const simple = simpleEscape(letter);
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9A-Fa-f]{4}$/.test(digits)) this.#fail('\\u needs four hexadecimal digits');
      this.#at += 6;
      return String.fromCharCode(parseInt(digits, 16));
    }
    return this.#fail('an unknown escape in a string');
  }

  #expected(what: string): never {
    const end = this.#at >= this.#text.length;
    return this.#fail(end ? `the text ends, expected ${what}` : `expected ${what}`);
  }

  #fail(reason: string): never {
    let line = 1;
    let lineStart = 0;
    for (;;) {
      const newline = this.#text.indexOf('\n', lineStart);
      if (newline === -1 || newline >= this.#at) break;
      line++;
      lineStart = newline + 1;
    }
    throw new JsonError(line, this.#at - lineStart + 1, reason);
  }
}

function isDigit(char: number): boolean {
  return char >= ZERO && char <= NINE;
}

function simpleEscape(letter: string): string | undefined {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return undefined;
  }
}

/** A plain assignment to `__proto__` would change the prototype. */
function setMember(members: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(members, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    (members as Record<string, unknown>)[key] = value;
  }
}

/**
 * Writes plain data as JSON.stringify does, and a bigint as the integer it is.
 *
 * @param indent spaces a level, or the text of a level; 0 for one line
 */
export function stringifyJson(value: unknown, indent: number | string = 0): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch {
    // JSON.stringify refuses a bigint.
    const step = typeof indent === 'number' ? ' '.repeat(indent) : indent;
    return write(value, step, step === '' ? '' : '\n');
  }
}

function write(value: unknown, step: string, newline: string): string {
  if (typeof value === 'bigint') return String(value);
  // What has no JSON form stands for null inside of an array.
  if (value === undefined || typeof value === 'function') return 'null';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = newline === '' ? '' : newline + step;
  const isArray = Array.isArray(value);
  const parts: string[] = [];
  if (isArray) {
    for (const item of value) parts.push(write(item, step, inner));
  } else {
    const colon = newline === '' ? ':' : ': ';
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined || typeof member === 'function') continue;
      parts.push(JSON.stringify(key) + colon + write(member, step, inner));
    }
  }
  const [open, close] = isArray ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return open + close;
  return open + inner + parts.join(',' + inner) + newline + close;
}
