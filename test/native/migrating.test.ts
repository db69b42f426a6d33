/** docs/migrating.md beside the peers of this machine: each of their commands and options is there, or named. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import type { CommandName, CommandRow } from '../../src/cli/table.js';
import { commands, globalRow } from '../../src/cli/table.js';

const PAGE = readFileSync('docs/migrating.md', 'utf8');
const NAMES = Object.keys(commands) as CommandName[];

/** What the page says of crun alone, and of both. */
const [OF_BOTH = '', OF_CRUN = ''] = PAGE.split(/^## From crun$/m);

function helpOf(peer: string, command: string): string {
  const { stdout, error } = spawnSync(peer, command === '' ? ['--help'] : [command, '--help'], {
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return stdout;
}

/** The names below COMMANDS, as both peers print them. */
function commandsOf(peer: string): string[] {
  const [, list = ''] = /^COMMANDS:\n((?:[ \t]+.*\n)+)/m.exec(helpOf(peer, '')) ?? [];
  return list
    .trimEnd()
    .split('\n')
    .flatMap((line) => /^\s+(\w+(?:, \w+)*)\s/.exec(line)?.[1]?.split(', ') ?? []);
}

/** Options with their dashes: an option's line begins with one, and its text is behind two blanks. */
function optionsOf(peer: string, command: string): string[] {
  return helpOf(peer, command)
    .split('\n')
    .flatMap((line) => /^\s+(-\S.*?)(?:\s{2,}|$)/.exec(line)?.[1] ?? [])
    .flatMap((text) => text.match(/(?<=^|[\s,])--?[A-Za-z?][\w-]*/g) ?? []);
}

function optionsHere(command: string): Set<string> {
  const row: CommandRow = command === '' ? globalRow() : commands[command as CommandName]();
  const own = row.options.flatMap(({ name, short }) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  return new Set([...own, '--help', '-h', '--version', '-v']);
}

describe.each(['runc', 'crun'])('%s', (peer) => {
  const installed = spawnSync(peer, ['--version']).error === undefined;
  const page = peer === 'crun' ? OF_BOTH + OF_CRUN : OF_BOTH;
  const named = (word: string): boolean => page.includes(`\`${word}\``);

  test('every command is there, or named', (context) => {
    if (!installed) context.skip(`needs ${peer} (scripts/setup.sh installs it)`);
    const theirs = commandsOf(peer);
    expect(theirs).toEqual(expect.arrayContaining(['create', 'exec', 'update', 'checkpoint']));
    const missing = theirs.filter((name) => !NAMES.includes(name as CommandName) && !named(name));
    expect(missing).toEqual([]);
  });

  test('every option is there, or named', (context) => {
    if (!installed) context.skip(`needs ${peer} (scripts/setup.sh installs it)`);
    const missing: string[] = [];
    let seen = 0;
    for (const command of ['', ...commandsOf(peer).filter((name) => name in commands)]) {
      const here = optionsHere(command);
      for (const option of optionsOf(peer, command)) {
        seen++;
        const known = here.has(option) || named(option) || named(`${command} ${option}`);
        if (!known) missing.push(`${command} ${option}`);
      }
    }
    expect(missing).toEqual([]);
    expect(seen).toBeGreaterThan(60);
  });
});
