/**
 * Text of a container or a bundle on its way to a terminal or a log.
 *
 * A terminal obeys control characters: C0 (an escape sequence begins with one),
 * DEL, and C1, of which U+009B alone begins a sequence too. Unicode's format
 * characters and separators are treated alike, since with them a name can look like
 * another one: those of bidirectional text, those without a width, tags.
 */

/** All but control characters of ASCII, which JSON.stringify() has escaped, as code units. */
const BEYOND_ASCII =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

const CONTROL = /[\u0000-\u001f]/g;

/** Almost every text is made of these alone, and needs no other look. */
const PLAIN = /^[\x20-\x7e]*$/;
const PLAIN_JSON = /^[\n\x20-\x7e]*$/;

/** For people: a question mark in the place of each such character, and of each line break. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(CONTROL, '?').replace(BEYOND_ASCII, (found) => '?'.repeat(found.length));
}

/** The same for text that is quoted: `\u` and four digits, as JSON writes it. */
export function escaped(text: string): string {
  if (PLAIN.test(text)) return text;
  return escapedJson(text.replace(CONTROL, escape));
}

/** For a text of JSON.stringify(), which stays the same JSON. */
export function escapedJson(json: string): string {
  return PLAIN_JSON.test(json) ? json : json.replace(BEYOND_ASCII, escape);
}

function escape(found: string): string {
  let text = '';
  for (let i = 0; i < found.length; i++) {
    text += `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return text;
}

/** Bytes of another program: what is not UTF-8 becomes a question mark too. */
export function printableBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const code = length === 1 ? first : codePoint(bytes, at, length);
    text += code === undefined ? '?' : String.fromCodePoint(code);
    at += code === undefined ? 1 : length;
  }
  return printable(text);
}

/** The least code point that takes so many bytes. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000];

/** @returns undefined for what is not UTF-8 (RFC 3629) */
function codePoint(bytes: Uint8Array, at: number, length: number): number | undefined {
  let code = (bytes[at] ?? 0) & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i] ?? 0;
    if ((byte & 0xc0) !== 0x80) return undefined;
    code = (code << 6) | (byte & 0x3f);
  }
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  const isValid = length > 0 && code >= (LEAST[length] ?? 0) && code <= 0x10ffff && !isSurrogate;
  return isValid ? code : undefined;
}
