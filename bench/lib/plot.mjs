// The plot: of each line three bars, as long as the time is beside that of crun.

import { format } from './numbers.mjs';

const SHOWN = ['tsrun', 'crun', 'runc'];
const COLOURS = { tsrun: '#1f6feb', crun: '#8b949e', runc: '#c9d1d9' };
const [LABELS, UNIT, BAR, GAP, TOP] = [330, 170, 12, 14, 64];
/** Bars longer than this are cut: what they are is written at their end. */
const LONGEST = 3;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** An SVG document. Lines without all three runtimes are left out. */
export function plot(lines, machine) {
  const drawn = lines.filter(({ medians }) => SHOWN.every((name) => medians[name] !== undefined));
  const group = SHOWN.length * BAR + GAP;
  const width = LABELS + UNIT * LONGEST + 110;
  const height = TOP + drawn.length * group + 10;
  const one = LABELS + UNIT;
  const body = drawn.map(({ title, unit, medians }, i) => {
    const y = TOP + i * group;
    const bars = SHOWN.map((name, j) => {
      const share = medians[name] / medians.crun;
      const length = Math.min(share, LONGEST) * UNIT;
      const at = y + j * BAR;
      const cut = share > LONGEST ? ' …' : '';
      return `<rect x="${LABELS}" y="${at}" width="${length.toFixed(1)}" height="${BAR - 2}" fill="${COLOURS[name]}"/>
<text x="${(LABELS + length + 5).toFixed(1)}" y="${at + BAR - 3}" class="value">${cut}${format(medians[name])} ${unit}</text>`;
    });
    return `<text x="${LABELS - 10}" y="${y + group / 2}" class="label">${escape(title)}</text>\n${bars.join('\n')}`;
  });
  const legend = SHOWN.map(
    (
      name,
      i,
    ) => `<rect x="${LABELS + i * 80}" y="36" width="12" height="12" fill="${COLOURS[name]}"/>
<text x="${LABELS + i * 80 + 17}" y="46" class="legend">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="tsrun beside crun and runc">
<style>
text { font-family: system-ui, sans-serif; font-size: 12px; fill: #1f2328; }
.label { text-anchor: end; }
.value { font-size: 10px; fill: #57606a; }
.title { font-size: 15px; font-weight: 600; }
</style>
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="10" y="22" class="title">tsrun beside crun and runc: medians, crun = 1, shorter is better</text>
<text x="10" y="46" class="value">${escape(`${machine.Date}, Linux ${machine.Kernel}`)}</text>
${legend.join('\n')}
<line x1="${one}" y1="${TOP - 8}" x2="${one}" y2="${height - 10}" stroke="#57606a" stroke-dasharray="3 3"/>
${body.join('\n')}
</svg>
`;
}
