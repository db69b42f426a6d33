/** Completion for zsh (_arguments in zshcompsys(1)). */

import type { Model, Option, Place, Subcommand } from './model.js';

export function zsh({ globals, commands }: Model): string {
  return `#compdef tsrun
# zsh completion for tsrun, made by: tsrun completion zsh
# To use it: tsrun completion zsh > a file _tsrun in a directory of $fpath

_tsrun_containers() {
  local -a ids
  ids=(\${(f)"$(_call_program containers tsrun \${tsrun_root:+--root \${(q)tsrun_root}} list --quiet 2>/dev/null)"})
  compadd -a ids
}

_tsrun() {
  local curcontext=$curcontext state line tsrun_root
  typeset -A opt_args
  _arguments -C \\
${globals.map((option) => `    ${optionSpec(option)} \\\n`).join('')}    '1:command:->command' \\
    '*::argument:->arguments' && return
  tsrun_root=\${opt_args[--root]}
  case $state in
  command)
    local -a commands
    commands=(
${commands.map(({ name, text }) => `      ${quote(`${name}:${text}`)}\n`).join('')}    )
    _describe -t commands command commands
    ;;
  arguments)
    case $words[1] in
${commands.map(commandCase).join('')}    esac
    ;;
  esac
}

# Sourced, or loaded by its name at the first completion.
if [[ $funcstack[1] == _tsrun ]]; then
  _tsrun "$@"
else
  compdef _tsrun tsrun
fi
`;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What has a meaning between the colons and brackets of _arguments. */
const escape = (text: string): string => text.replaceAll(/[\\:[\]]/g, '\\$&');

function commandCase({ name, options, args, verbatim }: Subcommand): string {
  const specs = [
    ...options.map(optionSpec),
    ...args.map(({ name: argument, place, many }, i) =>
      quote(
        many
          ? `*::${argument}:${place.kind === 'program' ? '_normal' : actionOf(place)}`
          : `${(i + 1).toString()}:${argument}:${actionOf(place)}`,
      ),
    ),
  ];
  const stop = verbatim ? " -A '-*'" : '';
  return `    ${name})\n      _arguments${stop} \\\n${specs.map((spec) => `        ${spec}`).join(' \\\n')}\n      ;;\n`;
}

/** Both spellings exclude each other; a value follows, or is joined with `=` to the long one. */
function optionSpec({ spellings, text, value }: Option): string {
  const described = `[${escape(text)}]`;
  const behind = value === undefined ? '' : `:value:${actionOf(value)}`;
  const excluded = spellings.length > 1 ? `(${spellings.join(' ')})` : '';
  return spellings
    .map((spelling) => {
      const joined = value !== undefined && spelling.startsWith('--') ? '=' : '';
      return quote(`${excluded}${spelling}${joined}${described}${behind}`);
    })
    .join(' ');
}

function actionOf(place: Place): string {
  switch (place.kind) {
    case 'words':
      return `(${place.words.join(' ')})`;
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'container':
      return '_tsrun_containers';
    case 'program':
      return '_command_names';
    case 'nothing':
      return ' ';
  }
}
