/**
 * README's commands on a Debian that has none of the packages: twice, and once more after libc6-dev was replaced.
 * It takes minutes and the network, so its turn is every fifth day; TSRUN_FRESH=1 runs it, and TSRUN_FRESH=whole all
 * tests of `./scripts/test quick` there.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { turnOf } from '../../scripts/lib/turns.mjs';
import type { FreshMachine } from './machine.js';
import { makeFreshMachine, whyNoFreshMachine } from './machine.js';

const TURNS = 5;
const asked = process.env['TSRUN_FRESH'];
const reason =
  asked === undefined && turnOf(TURNS) !== 0
    ? `its turn is every ${TURNS.toString()}th day (TSRUN_FRESH=1 runs it now)`
    : whyNoFreshMachine();

/** `tsrun spec` then finds another group of the caller. */
const OTHER_LIBC = `
set -e
cd "$(mktemp -d)"
apt-get -o APT::Sandbox::User=root -qq download libc6-dev
dpkg-deb -R libc6-dev_*.deb package
libc=$(find package -name libc.a)
touch -r "$libc" date
objcopy --redefine-sym getegid=getegid_of_debian "$libc"
echo 'unsigned getegid(void) { return 4242; }' >other-getegid.c
cc -O2 -c other-getegid.c
ar rs "$libc" other-getegid.o 2>/dev/null
touch -r date "$libc"
sed -i 's/^Version: .*/&+other1/' package/DEBIAN/control
rm -f package/DEBIAN/md5sums
dpkg-deb -b package other.deb >/dev/null
dpkg --force-downgrade -i other.deb >/dev/null
dpkg-query -W -f '\${Version}\\n' libc6-dev`;

let machine: FreshMachine;

beforeAll(() => {
  if (reason === undefined) machine = makeFreshMachine();
}, 600_000);

afterAll(() => {
  if (reason === undefined) machine.remove();
});

beforeEach((context) => {
  context.skip(reason !== undefined, reason);
});

const setup = (text: string): string[] => text.match(/^setup: .*/gm) ?? [];
/** But for the name of its directory. */
const demo = (text: string): string =>
  text.slice(text.indexOf('== The bundle')).replaceAll(/tsrun-demo\.\w+/g, 'DIRECTORY');

let first = '';

/** A step that fails shows all that it printed. */
async function succeed(...[command, options]: Parameters<FreshMachine['run']>): Promise<string> {
  const { status, stdout } = await machine.run(command, options);
  expect(status, stdout).toBe(0);
  console.log(`${command.join(' ')}:\n${stdout.trimEnd()}`);
  return stdout;
}

test('./scripts/demo installs what is missing, builds and runs a container', async () => {
  const output = await succeed(['./scripts/demo']);
  expect(setup(output)[0]).toBe('setup: installs Debian packages:');
  expect(output).toContain('setup: builds dist/tsrun');
  expect(output).toContain('== The container ended with status 7');
  first = demo(output);
});

test('a second time it does no more than that, and needs no network', async () => {
  const output = await succeed(['./scripts/demo'], { offline: true });
  expect(setup(output)).toEqual([]);
  expect(demo(output)).toBe(first);
});

test('./scripts/test quick says first what it will do, and has its set-up to do once', async () => {
  const output =
    asked === 'whole'
      ? await succeed(['./scripts/test', 'quick'])
      : await succeed(['scripts/setup.sh', 'quick']);
  expect(output).toContain('crun: behaviour and speed are compared with it');
  if (asked === 'whole') {
    expect(output).toMatch(/^Runs these parts, in about \d+ minutes/);
    expect(output).toMatch(
      /\nMinutes:\n.*set-up and build\n[^]*\n\d+ passed, 0 failed, \d+ skipped\n$/,
    );
  }
  expect(setup(await succeed(['scripts/setup.sh', 'quick'], { offline: true }))).toEqual([]);
});

test('another libc6-dev is linked in, whatever the age of its files', async () => {
  writeFileSync(join(machine.root, 'checkout/other-libc'), OTHER_LIBC);
  expect(await succeed(['sh', 'other-libc'])).toMatch(/\+other1\n$/);
  const output = await succeed(['./scripts/demo'], { offline: true });
  expect(setup(output)).toContainEqual(
    expect.stringMatching(/libc\.a has changed: the executable is linked again$/),
  );
  expect(output).toContain('== The container ended with status 7');
  const group =
    'dist/tsrun spec --rootless --bundle /tmp && grep -A5 -w gidMappings /tmp/config.json';
  expect(await succeed(['sh', '-c', group])).toContain('4242');
  expect(setup(await succeed(['scripts/setup.sh', 'quick'], { offline: true }))).toEqual([]);
});
