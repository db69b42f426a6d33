/** Each byte as the character of the same number (ISO 8859-1): equal to a text where that is ASCII, and to no other. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
