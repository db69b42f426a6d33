// Manual pages from the command table, which --help is made from too.

import {
  bold,
  escape,
  italic,
  page,
  paragraphs,
  references,
  section,
  terms,
  typed,
} from './roff.mjs';

/**
 * @param {{ commands: object, globalRow: () => object, commandTexts: object, globalTexts: object,
 *   argumentTexts: object }} cli what table.js and texts.js of dist/cli export
 * @param {{ version: string, date: string }} release its date as YYYY-MM-DD
 * @returns {{ name: string, text: string }[]} NAME.8, of tsrun itself and of every command
 */
export function manPages(cli, release) {
  const names = Object.keys(cli.commands);
  return [
    { name: 'tsrun.8', text: programPage(cli, names, release) },
    ...names.map((name) => ({ name: `tsrun-${name}.8`, text: commandPage(cli, name, release) })),
  ];
}

function programPage(cli, names, release) {
  return page(
    { name: 'tsrun', section: 8, summary: 'run containers described by OCI bundles', ...release },
    [
      ...section('SYNOPSIS', synopsis('tsrun', 'COMMAND', '[command options]', '[arguments]')),
      ...section(
        'DESCRIPTION',
        ...paragraphs(
          'tsrun makes a contained process of an OCI bundle: a directory with a config.json and the ' +
            'root file system that it names. It takes the commands and flags of runc, so container ' +
            'managers call it as they call runc.',
          'A field of config.json or an option that is not supported is refused with an error that names it.',
        ),
      ),
      ...section(
        'COMMANDS',
        ...names.flatMap((name) => [
          '.TP',
          `.BR tsrun\\-${escape(name)} (8)`,
          escape(
            cli.commandTexts[name].summary + (isLater(cli, name) ? ' (not supported yet)' : ''),
          ),
        ]),
      ),
      ...section('OPTIONS', ...options(cli.globalRow(), cli.globalTexts)),
      ...section(
        'EXIT STATUS',
        ...terms([
          [bold('0'), 'success'],
          [bold('1'), 'a failure of tsrun; one line on standard error says which'],
          [
            bold('255'),
            'the same of tsrun exec; else run and exec end as the process of the container did',
          ],
        ]),
      ),
      ...section(
        'ENVIRONMENT',
        ...terms([
          [bold('XDG_RUNTIME_DIR'), 'where a caller that is not root has its state'],
          [
            bold('NOTIFY_SOCKET'),
            'socket of a service manager: the container gets one of its own, whose READY=1 is passed on',
          ],
          [
            `${bold('LISTEN_FDS')}, ${bold('LISTEN_FDNAMES')}`,
            'descriptors of sockets that the process of the container gets',
          ],
        ]),
      ),
      ...section(
        'FILES',
        ...terms([
          [
            bold('/run/tsrun'),
            'states of the containers of root, and @seccomp with compiled filters',
          ],
          [bold('$XDG_RUNTIME_DIR/tsrun'), 'the same of another user'],
          [
            bold('config.json'),
            'what a container is, in the current directory or that of --bundle',
          ],
          [
            bold('/etc/apparmor.d/tsrun-default'),
            'AppArmor profile for containers that name it; additions belong into local/tsrun-default there',
          ],
          [
            bold('/usr/share/apparmor/extra-profiles/tsrun'),
            'AppArmor profile for tsrun itself, which user namespaces of users take on Ubuntu; loaded when it is in /etc/apparmor.d',
          ],
          [
            bold('/etc/containers/containers.conf.d/tsrun.conf'),
            'podman --runtime tsrun; see containers.conf(5)',
          ],
        ]),
      ),
      ...section(
        'EXAMPLES',
        'Run a shell in a container with a root file system that is there already:',
        ...typed(
          'mkdir bundle',
          'cp -a /path/to/rootfs bundle/rootfs',
          'tsrun spec --bundle bundle',
          'tsrun run --bundle bundle my-container',
        ),
      ),
      ...seeAlso([...names.map((name) => [`tsrun-${name}`, 8]), ['newuidmap', 1]]),
    ],
  );
}

function commandPage(cli, name, release) {
  const row = cli.commands[name]();
  const { summary, more, options: texts } = cli.commandTexts[name];
  const args = row.args.map(({ name: argument, required, many }) => {
    const shown = `${argument}${many ? '...' : ''}`;
    return required ? shown : `[${shown}]`;
  });
  const lines = [
    ...section('SYNOPSIS', synopsis(`tsrun`, name, '[options]', ...args)),
    ...section(
      'DESCRIPTION',
      ...paragraphs(
        `${summary}.`,
        ...(more === undefined ? [] : [more]),
        ...(row.later ? ['This command is not supported yet: it is refused by name.'] : []),
      ),
    ),
    ...(row.args.length === 0
      ? []
      : section(
          'ARGUMENTS',
          ...terms(row.args.map((arg) => [italic(arg.name), cli.argumentTexts[arg.name]])),
        )),
    ...section('OPTIONS', ...options(row, texts)),
    ...section('EXIT STATUS', escape(EXIT_STATUS[name] ?? '0, or 1 for a failure.')),
    ...(MORE[name] ?? []),
    ...seeAlso([['tsrun', 8]]),
  ];
  // The name is lower case and has no full stop, as makewhatis expects it.
  const short = summary[0].toLowerCase() + summary.slice(1);
  return page({ name: `tsrun-${name}`, section: 8, summary: short, ...release }, lines);
}

/** Of the commands that end as a process of the container does. */
const EXIT_STATUS = {
  run: 'That of the process, as above; 1 for a failure of tsrun.',
  exec: 'That of the process, as above; 255 for a failure of tsrun.',
};

/** What is between the exit status and the end. */
const MORE = {
  spec: [
    ...section(
      'PROFILES',
      ...paragraphs(
        'A profile is a file with a part of a config.json. Profiles are merged in the order in which they are given, each into what was there before it; options come after them.',
        'Members of objects are merged one by one, and null takes a member away. Arrays grow: an element takes the place of one that is for the same thing (a mount of the same destination, a variable of the same name, a namespace or resource limit of the same type, a device of the same path), and what is there already is not repeated. /process/args is replaced as a whole.',
      ),
      ...typed(
        '{',
        '  "process": { "env": ["ROLE=web"] },',
        '  "mounts": [{ "destination": "/srv", "type": "bind",',
        '               "source": "/srv/web", "options": ["rbind"] }],',
        '  "hostname": null',
        '}',
      ),
    ),
    ...section(
      'EXAMPLES',
      'A web server with limits, and a whole Debian in a user namespace:',
      ...typed(
        'tsrun spec --bundle web --bind /srv/www:/www:ro --memory 256M --cpus 0.5 \\',
        '    --tty=false -- httpd -f -p 8080 -h /www',
        'tsrun spec --bundle debian --system --userns auto --hostname debian',
      ),
    ),
  ],
};

const isLater = (cli, name) => cli.commands[name]().later === true;

function synopsis(program, ...words) {
  const [command, ...others] = words;
  const shown = command === 'COMMAND' ? [italic(command)] : [bold(command)];
  const first = command === 'COMMAND' ? ['[options]'] : [];
  return [bold(program), ...first, ...shown, ...others.map((word) => escape(word))].join(' ');
}

function options(row, texts) {
  return terms(
    row.options.map((option) => {
      const short = option.short === undefined ? '' : `${bold(`-${option.short}`)}, `;
      const value = option.metavar === undefined ? '' : ` ${italic(option.metavar)}`;
      const many = option.kind === 'list' || option.kind === 'ints' ? ' ...' : '';
      const text = texts[option.name];
      return [
        `${short}${bold(`--${option.name}`)}${value}${many}`,
        option.later ? `${text} (not supported yet)` : text,
      ];
    }),
  );
}

const seeAlso = (pages) => section('SEE ALSO', ...references(pages));
