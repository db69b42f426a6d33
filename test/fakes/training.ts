/**
 * What the build runs to learn which parts of the program a command writes to
 * (native/quickjs/training.h): the commands that managers call, on a system in
 * memory. Not part of the program.
 */

import type { Native } from '../../src/native/types.js';
import { FakeSystem } from './system.js';
import { defaultConfig } from '../../src/cli/spec/default-config.js';

/** As main-quickjs.ts has it. */
type Start = (
  native: Native,
  words: readonly string[],
  environment: Record<string, string>,
) => Promise<number>;

/** Far more turns than a command takes until it waits for something from outside. */
const TURNS = 1000;

const ROOT = ['--root', '/run/tsrun'];
const CREATE = ['create', '--bundle', '/bundle', 'a'];

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

type Command = (start: Start, native: Native, watch: () => void) => Promise<void>;

/** Those that do the least come first: what they write to, nearly all others do. */
export const commands: readonly Command[] = [
  training([CREATE], ['state', 'a']),
  training([CREATE], ['kill', 'a', 'KILL']),
  training([CREATE], ['start', 'a']),
  training([CREATE, ['kill', 'a', 'KILL']], ['delete', 'a']),
  training([], CREATE),
  training([], ['run', '--bundle', '/bundle', 'a']),
  training([CREATE, ['start', 'a']], ['exec', 'a', '/bin/true']),
  names,
];

/** Far more than the engine's table of names has places. */
const NAMES = 100_000;

/** A text that becomes a name, whatever it is, is compared with others: all of these are looked at. */
async function names(_start: Start, _native: Native, watch: () => void): Promise<void> {
  const none = {};
  watch();
  for (let i = 0; i < NAMES; i++)
    if (`name${i}` in none) throw new Error('found what is not there');
  await Promise.resolve();
}

/** @param before what has to be done first, unseen */
function training(before: readonly string[][], words: readonly string[]): Command {
  return async (start, native, watch) => {
    const fake = system();
    let said = '';
    const own = withLookups(native, {
      ...fake.implementation(),
      write: (fd, data) => {
        if (fd > 2) return fake.implementation().write(fd, data);
        said += typeof data === 'string' ? data : '';
        return data.length;
      },
    });
    const run = async (line: readonly string[]): Promise<void> => {
      const status = await toEnd(fake, start(own, [...ROOT, ...line], ENVIRONMENT));
      if (status !== 0) throw new Error(`${line.join(' ')}: status ${status}: ${said}`);
    };
    for (const line of before) await run(line);
    watch();
    native.getpid();
    await run(words);
  };
}

/** When nothing happens any more, it is the program that is waited for. */
async function toEnd(fake: FakeSystem, running: Promise<number>): Promise<number> {
  const statuses: number[] = [];
  const over = running.then((status) => statuses.push(status));
  for (let turn = 0; turn < TURNS && statuses.length === 0; turn++) await Promise.resolve();
  if (statuses.length === 0) for (const process of fake.alive()) fake.end(process);
  await over;
  return statuses[0] ?? 1;
}

/** The functions of the addon are made when they are first asked for. */
function withLookups(native: Native, fake: Native): Native {
  const real = native as unknown as Readonly<Record<string, unknown>>;
  const entries = Object.entries(fake) as [string, (...args: unknown[]) => unknown][];
  return Object.fromEntries(
    entries.map(([name, call]) => [
      name,
      (...args: unknown[]) => {
        return real[name] === undefined ? undefined : call(...args);
      },
    ]),
  ) as unknown as Native;
}

function system(): FakeSystem {
  const fake = new FakeSystem();
  const { files } = fake;
  files.put('/run/tsrun', 'directory');
  files.put('/bundle/rootfs', 'directory');
  const config = defaultConfig(true);
  config.process.terminal = false;
  files.put('/bundle/config.json', 'file', JSON.stringify(config));
  return fake;
}
