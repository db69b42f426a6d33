/** Completion for shells, made from the table: a real bash completes what it is given. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { bash } from '../../../src/cli/completion/bash.js';
import { fish } from '../../../src/cli/completion/fish.js';
import { model } from '../../../src/cli/completion/model.js';
import { zsh } from '../../../src/cli/completion/zsh.js';
import type { CommandRow } from '../../../src/cli/table.js';
import { commands, globalRow } from '../../../src/cli/table.js';

/** What `tsrun` is in the shells of these tests: it notes its words, and knows two containers. */
const PROGRAM = `
tsrun() {
  case "$*" in
    "list --quiet") printf '%s\\n' web-1 database ;;
    "--root /other list --quiet") echo elsewhere ;;
    *) { printf '<%s>' "$@"; echo; } >>"$NOTES" ;;
  esac
}
`;

/** Types each line into an interactive bash, with a tab at its end, then return: what tsrun got. */
function complete(lines: readonly string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-completion-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const notes = join(directory, 'notes');
  writeFileSync(notes, '');
  writeFileSync(join(directory, 'tsrun.bash'), bash(model()));
  writeFileSync(
    join(directory, 'rc'),
    `${PROGRAM}\nsource ${directory}/tsrun.bash\nbind 'set bell-style none'\n`,
  );
  mkdirSync(join(directory, 'bundle-of-a-test'));
  writeFileSync(join(directory, 'file-of-a-test'), '');
  // readline wants a terminal.
  const { stderr, status } = spawnSync(
    'script',
    ['-qec', `bash --noprofile --rcfile ${directory}/rc -i`, '/dev/null'],
    {
      cwd: directory,
      env: { PATH: process.env['PATH'], NOTES: notes, TERM: 'dumb', HOME: directory },
      input: `${lines.map((line) => `${line}\t\n`).join('')}exit\n`,
      encoding: 'utf8',
    },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return readFileSync(notes, 'utf8').split('\n').slice(0, -1);
}

test('bash completes commands, options, values and containers', { timeout: 60_000 }, () => {
  const cases = {
    'tsrun cre': '<create>',
    'tsrun ch': '<ch>', // checkpoint is not supported yet
    'tsrun --log-f': '<--log-format>',
    'tsrun --log-format js': '<--log-format><json>',
    'tsrun --log-format=js': '<--log-format=json>',
    'tsrun -log-format js': '<-log-format><json>',
    'tsrun --debug feat': '<--debug><features>',
    'tsrun --root /other feat': '<--root></other><features>',
    'tsrun --root=/other feat': '<--root=/other><features>',
    'tsrun create --pid': '<create><--pid>', // --pid-file or --pidfd-socket
    'tsrun create --pid-': '<create><--pid-file>',
    'tsrun create --bundle bundle-of': '<create><--bundle><bundle-of-a-test/>',
    'tsrun create --bundle file-of': '<create><--bundle><file-of>', // no directory
    'tsrun create --pid-file file-of': '<create><--pid-file><file-of-a-test>',
    'tsrun create w': '<create><w>', // a new one's id is not there yet
    'tsrun state w': '<state><web-1>',
    'tsrun --root /other state els': '<--root></other><state><elsewhere>',
    'tsrun --root=/other state els': '<--root=/other><state><elsewhere>',
    'tsrun state --format js': '<state><--format><json>',
    'tsrun state -f t': '<state><-f><table>',
    'tsrun kill --all=true w': '<kill><--all=true><web-1>',
    'tsrun kill web-1 KI': '<kill><web-1><KILL>',
    'tsrun delete --fo': '<delete><--force>',
    'tsrun exec --tt': '<exec><--tty>',
    'tsrun exec -e A=B d': '<exec><-e><A=B><database>',
    'tsrun exec web-1 ls --tt': '<exec><web-1><ls><--tt>', // the command's, not ours
    'tsrun help crea': '<help><create>',
    'tsrun completion zs': '<completion><zsh>',
  };
  expect(complete(Object.keys(cases))).toEqual(Object.values(cases));
});

const SCRIPTS = { bash, zsh, fish };

describe.each(Object.entries(SCRIPTS))('%s', (shell, script) => {
  test('has every command and option that is supported, and no other', () => {
    const text = script(model());
    for (const name of ['', ...Object.keys(commands)]) {
      const row: CommandRow = name === '' ? globalRow() : commands[name as keyof typeof commands]();
      const known = name === '' || model().commands.some((command) => command.name === name);
      expect(known, name).toBe(row.later !== true);
      if (row.later) continue;
      for (const option of row.options) {
        const spelled = shell === 'fish' ? `-l ${option.name} ` : `--${option.name}`;
        if (option.later) expect(text).not.toContain(spelled);
        else expect(text).toContain(spelled);
      }
    }
  });

  test('is a script that the shell reads, where it is installed', (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsrun-completion-'));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
    const file = join(directory, 'script');
    writeFileSync(file, script(model()));
    const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    if (error !== undefined) context.skip(`${shell} is not installed`);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
