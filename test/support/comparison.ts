/** What tests see under tsrun, runc and crun, by sections of lines, and whether each difference is explained. */

import { readFileSync } from 'node:fs';

export const PEERS = ['runc', 'crun'] as const;
export const RUNTIMES = ['tsrun', ...PEERS] as const;
export type Peer = (typeof PEERS)[number];
export type Runtime = (typeof RUNTIMES)[number];

/** A difference that is no fault, and why. */
export interface Explained {
  /** Words of docs/migrating.md, where it is told to users. */
  page: string;
  peers: readonly Peer[];
  /** Seen on some kernels alone. */
  kernel?: true;
  /** Names of configurations; without it any. */
  configs?: RegExp;
  /** Lines of the comparison: the section, `-` for what the peer has alone or `+` for tsrun, and the line. */
  lines: readonly RegExp[];
}

/** The lines of each section; one that has come to its end has the section `end`, and else `error` says why. */
export type Sections = ReadonlyMap<string, readonly string[]>;

export interface Difference {
  config: string;
  peer: Peer;
  /** `mounts: - /proc ...`: what the peer has alone; `+`: what tsrun has alone. */
  text: string;
}

/** Of output with a line `@@NAME` before each section; `normal` takes out what differs from one run to the next. */
export function sectionsOf(
  text: string,
  normal: (section: string, line: string) => string = (_, line) => line,
): Sections {
  return new Map(
    text
      .split(/^@@/m)
      .slice(1)
      .map((part) => {
        const [name = '', ...lines] = part.trimEnd().split(/\r?\n/);
        return [name, lines.map((line) => normal(name, line))];
      }),
  );
}

/** Of output with a line `@@@CONFIG RUNTIME` before the sections of each container, by that line. */
export function containersOf(
  text: string,
  normal?: (section: string, line: string) => string,
): ReadonlyMap<string, Sections> {
  return new Map(
    text
      .split(/^@@@/m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n');
        return [part.slice(0, end), sectionsOf(part.slice(end + 1), normal)];
      }),
  );
}

function errorOf(sections: Sections): string {
  return (sections.get('error') ?? []).join(' ').replace(/^.*msg=/, '');
}

export function differences(
  config: string,
  peer: Peer,
  ours: Sections,
  theirs: Sections,
): Difference[] {
  const [here, there] = [ours.has('end'), theirs.has('end')];
  if (!here && !there) return [];
  if (!there) return [{ config, peer, text: `runs: - not: ${errorOf(theirs)}` }];
  if (!here) return [{ config, peer, text: `runs: + not: ${errorOf(ours)}` }];
  return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap((section) => {
    const [mine, other] = [ours.get(section) ?? [], theirs.get(section) ?? []];
    return [
      ...other.filter((line) => !mine.includes(line)).map((line) => `${section}: - ${line}`),
      ...mine.filter((line) => !other.includes(line)).map((line) => `${section}: + ${line}`),
    ].map((text) => ({ config, peer, text }));
  });
}

function explains(
  { peers, configs, lines }: Explained,
  { config, peer, text }: Difference,
): boolean {
  return (
    peers.includes(peer) &&
    (configs === undefined || configs.test(config)) &&
    lines.some((line) => line.test(text))
  );
}

/** Differences without an explanation, each as a line. */
export function unexplained(
  found: readonly Difference[],
  explained: readonly Explained[],
): string[] {
  return found
    .filter((one) => !explained.some((each) => explains(each, one)))
    .map(({ config, peer, text }) => `${config} | ${peer} | ${text}`);
}

/** Explanations of what does not differ any more. */
export function idle(
  found: readonly Difference[],
  explained: readonly Explained[],
): readonly Explained[] {
  return explained.filter(
    (each) => each.kernel !== true && !found.some((one) => explains(each, one)),
  );
}

/** Explanations that docs/migrating.md does not have. */
export function untold(explained: readonly Explained[]): string[] {
  const page = readFileSync('docs/migrating.md', 'utf8').replaceAll(/\s+/g, ' ');
  return explained.map(({ page: words }) => words).filter((words) => !page.includes(words));
}
