// Writing roff with the man macros (groff_man(7)).

/** Text as it is to be read: nothing of it is a request, an escape or a hyphen that may be broken at. */
export function escape(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\u2019', '\\(cq')
    .replaceAll(/^(?=['.])/gm, '\\&');
}

export const bold = (text) => `\\fB${escape(text)}\\fR`;
export const italic = (text) => `\\fI${escape(text)}\\fR`;

export const section = (title, ...lines) => [`.SH ${title}`, ...lines];

/** A list of terms, which are roff already, each with its text, which is not. */
export const terms = (pairs) => pairs.flatMap(([term, text]) => ['.TP', term, escape(text)]);

/** Lines as they are, for what is typed. */
export const typed = (...lines) => ['.PP', '.RS 4', '.nf', ...lines.map(escape), '.fi', '.RE'];

/** Paragraphs with nothing between the first one and the heading. */
export const paragraphs = (...texts) =>
  texts.flatMap((text, i) => (i === 0 ? [escape(text)] : ['.PP', escape(text)]));

/** References to other pages, in the order of sections and names. */
export function references(pages) {
  const sorted = [...pages].sort(
    ([a, one], [b, other]) => one - other || (a < b ? -1 : a > b ? 1 : 0),
  );
  return sorted.map(
    ([name, number], i) => `.BR ${escape(name)} (${number})${i < sorted.length - 1 ? ' ,' : ''}`,
  );
}

/**
 * @param {{name: string, section: number, summary: string, version: string, date: string}} page
 * @param {string[]} lines of the sections behind NAME
 */
export function page({ name, section: number, summary, version, date }, lines) {
  return [
    `.TH ${escape(name.toUpperCase())} ${number} ${date} "tsrun ${version}" "System Manager's Manual"`,
    ...section('NAME', `${escape(name)} \\- ${escape(summary)}`),
    ...lines,
    '',
  ].join('\n');
}
