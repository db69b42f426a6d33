/** Completion for fish (complete(1) of fish). */

import type { Model, Option, Place } from './model.js';

export function fish({ globals, commands }: Model): string {
  const scopes = [
    { name: '', options: globals },
    ...commands.map(({ name, options }) => ({ name, options })),
  ];
  const verbatim = commands.filter((command) => command.verbatim).map(({ name }) => name);
  return `# fish completion for tsrun, made by: tsrun completion fish
# To use it: tsrun completion fish | source

# Reads the line up to the cursor: the command, then the number of its arguments; --root in front.
function __tsrun_line
    set -l words (commandline -opc)
    set -l command ''
    set -l root ''
    set -l option ''
    set -l args 0
    for word in $words[2..-1]
        if test -n "$option"
            test "$command:$option" = :root; and set root $word
            set option ''
        else if string match -qr '^-.' -- $word; and not begin
                test $args -gt 0; and contains -- "$command" ${verbatim.join(' ')}
            end
            set option (string replace -r -- '^--?' '' $word)
            string match -q 'root=*' -- "$command$option"; and set root (string replace 'root=' '' -- $option)
            contains -- "$command:$option" ${takers(scopes).join(' ')}; or set option ''
        else if test -z "$command"
            set command $word
        else
            set args (math $args + 1)
        end
    end
    printf '%s\\n' "$root" "$command" $args
end

# Whether the cursor is behind this command, and at this argument when one is given.
function __tsrun_at
    set -l line (__tsrun_line)
    test "$line[2]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test "$line[3]" -ge $argv[2]
end

# The same, where options of the command may still come.
function __tsrun_options_of
    set -l line (__tsrun_line)
    test "$line[2]" = "$argv[1]"; or return 1
    test "$line[3]" -eq 0; or not contains -- "$argv[1]" ${verbatim.join(' ')}
end

function __tsrun_containers
    set -l root (__tsrun_line)[1]
    if test -n "$root"
        tsrun --root $root list --quiet 2>/dev/null
    else
        tsrun list --quiet 2>/dev/null
    end
end

complete -c tsrun -f
${scopes
  .flatMap(({ name, options }) =>
    options.map(
      (option) =>
        `complete -c tsrun -n ${quote(`__tsrun_options_of '${name}'`)} ${optionWords(option)}\n`,
    ),
  )
  .join('')}${commands
    .map(({ name, text }) => `complete -c tsrun -n "__tsrun_at ''" -a ${name} -d ${quote(text)}\n`)
    .join('')}${commands
    .flatMap(({ name, args }) =>
      args.flatMap(({ place, many }, i) => {
        if (place.kind === 'nothing') return [];
        const test = many
          ? `__tsrun_at ${name} ${i.toString()}`
          : `__tsrun_at ${name}; and test (__tsrun_line)[3] -eq ${i.toString()}`;
        return [`complete -c tsrun -n ${quote(test)}${placeWords(place)}\n`];
      }),
    )
    .join('')}`;
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Options that take a value in the word behind them. */
function takers(scopes: readonly { name: string; options: readonly Option[] }[]): string[] {
  return scopes.flatMap(({ name, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .flatMap(({ spellings }) =>
        spellings.map((spelling) => `${name}:${spelling.replace(/^-+/, '')}`),
      ),
  );
}

function optionWords({ spellings, text, value }: Option): string {
  const names = spellings.map((spelling) =>
    spelling.startsWith('--') ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`,
  );
  // -x: a value, and not a file unless it is one.
  const takes =
    value === undefined ? '' : ` ${value.kind === 'file' ? '-r' : '-x'}${placeWords(value)}`;
  return `${names.join(' ')} -d ${quote(text)}${takes}`;
}

function placeWords(place: Place): string {
  switch (place.kind) {
    case 'words':
      return ` -a ${quote(place.words.join(' '))}`;
    case 'file':
      return ' -F';
    case 'directory':
      return ' -a "(__fish_complete_directories)"';
    case 'container':
      return ' -a "(__tsrun_containers)"';
    case 'program':
      return ' -F';
    case 'nothing':
      return '';
  }
}
