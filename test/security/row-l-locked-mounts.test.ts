/**
 * Row L: the mounts of the host forbid something (read-only, nosuid, nodev), or lie on something, and
 * the root of a container in a user namespace of its own, which may mount, undoes that on its copy.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { grant, HOST_ID, inUserNamespace, program, useContainers } from '../support/inside.js';
import { STRACE } from '../support/late-trace.js';
import { COMMAND, newId } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';
import { compileAttacker } from './attackers/compile.js';

const lab = useContainers();

/** Of a race: Node takes its time to start. */
const ROUNDS = process.env['TSRUN_CLI'] === undefined ? 10 : 40;

/** A directory of the container's root, mounted so that it may only be read, with a mount on `below`. */
function source(): { path: string; shown: string } {
  const path = lab.directory();
  const shown = lab.directory();
  mkdirSync(join(path, 'below'));
  writeFileSync(join(path, 'below/covered'), '');
  program('chown', ['-R', String(HOST_ID), path]);
  program('chmod', ['755', path, shown]);
  lab.mount(shown, '--bind', path);
  program('mount', ['-o', 'remount,bind,ro,nosuid,nodev', shown]);
  lab.mount(join(shown, 'below'), '-t', 'tmpfs', 'below');
  return { path, shown };
}

const TRIES = {
  options: 'awk \'$5 == "/m" { print $6 }\' /proc/self/mountinfo',
  writable: 'mount -o remount,bind,rw /m 2>&1; touch /m/made 2>&1; true',
  devices: 'mount -o remount,bind,ro,suid,dev /m 2>&1; true',
  uncovered: 'umount /m/below 2>&1; ls /m/below',
};

async function attack(
  options: string[],
  more: (shown: string) => object[] = () => [],
): Promise<{ made: boolean; seen: Record<keyof typeof TRIES, string> }> {
  const { path, shown } = source();
  const seen = await lab.inspect(TRIES, (spec, bundle) => {
    inUserNamespace(spec, bundle);
    grant(spec, 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE');
    spec.mounts?.push({ destination: '/m', source: shown, options });
    for (const mount of more(shown)) spec.mounts?.push(mount as never);
  });
  return { made: existsSync(join(path, 'made')), seen };
}

describe('row L: what the mounts of the host forbid', () => {
  it.each([
    [['rbind']],
    [['rbind', 'ro']],
    // Asks for what is the case already.
    [['rbind', 'nosuid', 'exec']],
    [['rbind', 'rslave']],
    [['rbind', 'idmap']],
    [['rbind', 'ridmap']],
  ])('the root of a user namespace cannot undo it: %j', async (options) => {
    const { made, seen } = await attack(options);
    expect(made).toBe(false);
    expect(seen.options).toMatch(/^ro,nosuid,nodev/);
    expect(seen.writable).toMatch(/^mount: permission denied.*\n.*Read-only file system$/);
    expect(seen.devices).toMatch(/^mount: permission denied/);
    expect(seen.uncovered).toMatch(/^umount: can't unmount \/m\/below: Invalid argument$/);
  });

  it.each([
    ['bound once more from where it is mounted', ['rbind'], /^$/],
    ['bound once more, for writing', ['rbind', 'rw'], /operation not permitted/],
    ['bound once more without the mounts below', ['bind'], /invalid argument/],
  ])('a configuration cannot undo it for the container: %s', async (_, options, error) => {
    const { path, shown } = source();
    const script = `mount -o remount,bind,rw /again 2>&1; touch /again/made; umount /again/below
      awk '$5 == "/again" { print $6 }' /proc/self/mountinfo; ls /again/below`;
    const { stdout, stderr } = await lab.run(script, (spec, bundle) => {
      inUserNamespace(spec, bundle);
      grant(spec, 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE');
      spec.mounts?.push(
        { destination: '/m', source: shown, options: ['rbind'] },
        { destination: '/again', source: join(bundle.rootfs, 'm'), options },
      );
    });
    expect(existsSync(join(path, 'made'))).toBe(false);
    expect(stderr).toMatch(error.source === '^$' ? /Read-only file system/ : error);
    if (error.source === '^$')
      expect(stdout).toMatch(/permission denied[^]*^ro,nosuid,nodev.*\n$/m);
    else expect(stdout).toBe('');
  });

  const later = { destination: '/m', type: 'none', source: 'none' };
  it.each([
    ['writable', ['rbind', 'rw'], [], /^rw,nosuid,nodev/],
    ['with other access times', ['rbind', 'noatime'], [], /^ro,nosuid,nodev,noatime/],
    ['with others on all mounts', ['rbind', 'rnoatime'], [], /^ro,nosuid,nodev,noatime/],
    ['without the mounts below', ['bind'], [], /^ro,nosuid,nodev/],
    [
      'by a later entry',
      ['rbind'],
      [{ ...later, options: ['remount', 'bind', 'rw'] }],
      /^rw,nosuid,nodev/,
    ],
  ])('a configuration gets what it asks for, and no more: %s', async (_, options, more, shown) => {
    const { made, seen } = await attack(options, () => more);
    expect(seen.options).toMatch(shown);
    expect(seen.devices).toMatch(/^mount: permission denied/);
    expect(made).toBe(shown.source.startsWith('^rw'));
    if (options[0] === 'rbind') expect(seen.uncovered).toMatch(/^umount: can't unmount/);
    else expect(seen.uncovered).toMatch(/^covered$/m);
  });

  it('two access times for one mount, one after the other, are refused', async () => {
    const { shown } = source();
    const { status, stderr } = await lab.run('true', (spec, bundle) => {
      inUserNamespace(spec, bundle);
      spec.mounts?.push({ destination: '/m', source: shown, options: ['rbind', 'noatime'] });
      spec.mounts?.push({ ...later, options: ['remount', 'bind', 'strictatime'] });
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tsrun: \/mounts\/\d+.*\/m.*: operation not permitted\n$/i);
  });

  it('a configuration gets it of a file, too', async () => {
    const { path, shown } = source();
    writeFileSync(join(path, 'file'), '');
    program('chown', [String(HOST_ID), join(path, 'file')]);
    const seen = await lab.inspect(
      {
        write: 'echo written > /file',
        options: 'awk \'$5 == "/file" { print $6 }\' /proc/self/mountinfo',
        devices: 'mount -o remount,bind,suid,dev /file 2>&1; true',
      },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        grant(spec, 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE');
        const file = join(shown, 'file');
        spec.mounts?.push({ destination: '/file', source: file, options: ['bind', 'rw'] });
      },
    );
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('written\n');
    expect(seen.options).toMatch(/^rw,nosuid,nodev/);
    expect(seen.devices).toMatch(/^mount: permission denied/);
  });
});

/**
 * Whoever has the caller's ids has every right in a user namespace that the caller makes, without a
 * capability: a container of root's with the machine's pid namespace.
 */
describe('row L: what locks a mount is in the user namespace', () => {
  it('its memory, which is that of the runtime, cannot be looked into there', async () => {
    const { shown } = source();
    const { path } = lab.bundle('true', (spec, bundle) => {
      inUserNamespace(spec, bundle);
      spec.mounts?.push({ destination: '/m', source: shown, options: ['rbind', 'rw'] });
    });
    const slow = ['-e', 'trace=setns', '-e', 'inject=setns:delay_exit=300000'];
    const prefix = [...STRACE, '-qq', '-o', '/dev/null', ...slow];
    const runtime = lab.runtime();
    const run = runtime(['run', '--bundle', path, newId()], { prefix });
    let ended = false;
    const end = run.finally(() => (ended = true));
    const looks: (number | null)[] = [];
    const known = new Set<string>();
    while (!ended) {
      for (const pid of readdirSync('/proc')) {
        if (known.has(pid) || !isRuntimeElsewhere(pid)) continue;
        known.add(pid);
        looks.push(lookWithoutCapabilities(pid));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await end).toMatchObject({ status: 0, stderr: '' });
    expect(looks).toEqual([1]);
  });
});

/** Whether a process shares the runtime's program, but not our user namespace. */
function isRuntimeElsewhere(pid: string): boolean {
  try {
    const [program = ''] = COMMAND;
    return (
      readlinkSync(`/proc/${pid}/exe`) === realpathSync(program) &&
      readlinkSync(`/proc/${pid}/ns/user`) !== readlinkSync('/proc/self/ns/user')
    );
  } catch {
    // No process, or gone.
    return false;
  }
}

function lookWithoutCapabilities(pid: string): number | null {
  const bare = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'];
  return spawnSync('setpriv', [...bare, 'cat', `/proc/${pid}/maps`]).status;
}

/** The source of a mount is a path of somebody else's, who can have it lead to what he likes. */
describe('row L: a path that leads elsewhere when it is looked up again', () => {
  /** Undoes what it can; what the caller sees of that is in `path`. */
  function run(at: string, cwd?: string): Promise<Result> {
    const change = (
      spec: Parameters<Parameters<typeof lab.run>[1] & object>[0],
      bundle: object,
    ) => {
      inUserNamespace(spec, bundle as never);
      grant(spec, 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE');
      spec.mounts?.push({ destination: '/m', source: at, options: ['rbind'] });
    };
    const script = 'mount -o remount,bind,rw,suid,dev /m; touch /m/made; true';
    return lab.run(script, change, cwd === undefined ? {} : { cwd });
  }

  it('does so by /proc/self/cwd', async () => {
    const { path, shown } = source();
    const directory = lab.directory();
    symlinkSync('/proc/self/cwd', join(directory, 'link'));
    const { status, stderr } = await run(join(directory, 'link'), shown);
    expect(existsSync(join(path, 'made'))).toBe(false);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /cannot open .*\/link: it leads through a link of \/proc such as \/proc\/self\/cwd/,
    );
  });

  it('does so because every process has another /proc/self', async () => {
    const { status, stderr } = await run('/proc/self/comm');
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /cannot open mount source \/proc\/self\/comm in the container's mount namespace: it is another file there/,
      ) as string,
    });
  });

  it('does so because somebody exchanges it in a loop', async () => {
    const { path, shown } = source();
    const directory = lab.directory();
    symlinkSync(shown, join(directory, 'a'));
    symlinkSync('/nowhere', join(directory, 'b'));
    const attacker = compileAttacker('exchange', directory);
    const loop = spawn(directory + attacker, [directory, 'a', 'b'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(loop, 'exit');
    await once(loop.stdout, 'data');
    const seen = new Set<unknown>();
    try {
      for (let i = 0; i < ROUNDS; i++) seen.add((await run(join(directory, 'a'))).status);
    } finally {
      loop.kill('SIGKILL');
      await ended;
    }
    expect(existsSync(join(path, 'made'))).toBe(false);
    // It came too early, too late, or between.
    expect([0, 1]).toEqual(expect.arrayContaining([...seen]));
  });
});
