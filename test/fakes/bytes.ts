/** Text as bytes, one a character. */

export function bytes(text: string): Uint8Array {
  const data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i);
  return data;
}

export function ascii(data: Uint8Array): string {
  return String.fromCharCode(...data);
}
