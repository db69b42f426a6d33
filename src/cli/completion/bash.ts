/** Completion for bash (Programmable Completion in bash(1)). */

import type { Model, Option, Place } from './model.js';

export function bash({ globals, commands }: Model): string {
  const scopes = [
    { name: '', options: globals },
    ...commands.map(({ name, options }) => ({ name, options })),
  ];
  const verbatim = commands.filter((command) => command.verbatim).map(({ name }) => name);
  return `# bash completion for tsrun, made by: tsrun completion bash
# To use it: source <(tsrun completion bash)

# Everything that the word may be, by what stands there.
_tsrun_is() {
    local cur=$1 root=$2
    shift 2
    case $1 in
        file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
        container)
            mapfile -t COMPREPLY < <(compgen -W "$("$tsrun" \${root:+--root "$root"} list --quiet 2>/dev/null)" -- "$cur")
            ;;
        program) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
        words) shift; mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur") ;;
    esac
}

_tsrun() {
    local tsrun=$1 cur=\${COMP_WORDS[COMP_CWORD]} command= root= option= args=0 i word
    COMPREPLY=()
    # bash splits --name=value into three words.
    [[ $cur == = ]] && cur=
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        if [[ -n $option ]]; then
            [[ $word == = ]] && continue
            [[ $command:$option == :root ]] && root=$word
            option=
        elif [[ $word == = ]]; then
            ((i++))
        elif [[ $word == -?* && ! ( $args -gt 0 && ${oneOf('$command', verbatim)} ) ]]; then
            option=\${word#-}
            option=\${option#-}
            case $command:$option in
                ${patterns(scopes)}) ;;
                *) option= ;;
            esac
        elif [[ -z $command ]]; then
            command=$word
        else
            ((args++))
        fi
    done
    if [[ -n $option ]]; then
        case $command:$option in
${scopes
  .flatMap(({ name, options }) =>
    options.flatMap(({ spellings, value }) =>
      value === undefined || value.kind === 'nothing'
        ? []
        : [
            line(
              namesOf(spellings).map((option) => `${name}:${option}`),
              value,
            ),
          ],
    ),
  )
  .join('')}        esac
    elif [[ $cur == -* && ! ( $args -gt 0 && ${oneOf('$command', verbatim)} ) ]]; then
        case $command in
${scopes
  .map(({ name, options }) =>
    line([name === '' ? "''" : name], { kind: 'words', words: all(options) }),
  )
  .join('')}        esac
    elif [[ -z $command ]]; then
        _tsrun_is "$cur" "$root" words ${commands.map(({ name }) => name).join(' ')}
    else
        case $command:$args in
${commands
  .flatMap(({ name, args }) =>
    args.flatMap(({ place, many }, i) =>
      place.kind === 'nothing' ? [] : [line([`${name}:${many ? '*' : i.toString()}`], place)],
    ),
  )
  .join('')}        esac
    fi
}

complete -F _tsrun tsrun
`;
}

const all = (options: readonly Option[]): string[] => options.flatMap(({ spellings }) => spellings);

const namesOf = (spellings: readonly string[]): string[] =>
  spellings.map((spelling) => spelling.replace(/^-+/, ''));

/** Options that take a value, as the patterns of a case. */
function patterns(scopes: readonly { name: string; options: readonly Option[] }[]): string {
  return scopes
    .flatMap(({ name, options }) =>
      options
        .filter(({ value }) => value !== undefined)
        .flatMap(({ spellings }) => namesOf(spellings).map((option) => `${name}:${option}`)),
    )
    .join(' | ');
}

function oneOf(word: string, names: readonly string[]): string {
  return `( ${names.map((name) => `${word} == ${name}`).join(' || ')} )`;
}

function line(cases: readonly string[], place: Place): string {
  const words = place.kind === 'words' ? ` ${place.words.join(' ')}` : '';
  return `            ${cases.join(' | ')}) _tsrun_is "$cur" "$root" ${place.kind}${words} ;;\n`;
}
