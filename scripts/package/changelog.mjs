// CHANGELOG.md (Keep a Changelog) as debian/changelog.

/**
 * @param {string} text of CHANGELOG.md
 * @param {{ version: string, epoch: number, maintainer: string }} release what [Unreleased] is, when it is packed
 */
export function debianChangelog(text, { version, epoch, maintainer }) {
  const entries = text.split(/^## /m).slice(1);
  return entries
    .map((entry) => {
      const [heading = '', ...lines] = entry.split('\n');
      const [, name = version, date] = /^\[([^\]]+)\](?: - (\S+))?/.exec(heading) ?? [];
      const when = date === undefined ? new Date(epoch * 1000) : new Date(`${date}T00:00:00Z`);
      const changes = changesOf(lines.filter((line) => !/^\[.*\]: /.test(line)));
      return [
        `tsrun (${name === 'Unreleased' ? version : name}) unstable; urgency=medium`,
        '',
        ...changes,
        '',
        ` -- ${maintainer}  ${when.toUTCString().replace('GMT', '+0000')}`,
        '',
      ].join('\n');
    })
    .join('\n');
}

/** A line that begins with a bullet or a heading begins a change; others go on with it. */
function changesOf(lines) {
  const changes = [];
  for (const line of lines.map((text) => text.trim()).filter((text) => text !== '')) {
    const heading = /^### (.*)/.exec(line);
    if (heading !== null) changes.push({ first: '  ', rest: '  ', text: `[ ${heading[1]} ]` });
    else if (line.startsWith('- '))
      changes.push({ first: '  * ', rest: '    ', text: line.slice(2) });
    else if (changes.length > 0) changes.at(-1).text += ` ${line}`;
  }
  return changes.map(({ first, rest, text }) => filled(text, first, rest));
}

/** In lines of at most 79 characters. */
function filled(text, first, rest) {
  const lines = [first.slice(0, -1)];
  for (const word of text.split(/\s+/)) {
    if (`${lines.at(-1)} ${word}`.length > 79) lines.push(rest.slice(0, -1));
    lines[lines.length - 1] += ` ${word}`;
  }
  return lines.join('\n');
}
