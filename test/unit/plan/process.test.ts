import { describe, expect, it } from 'vitest';
import { capabilityMasks, grantableCapabilities } from '../../../src/plan/capabilities.js';
import {
  homeDirectory,
  planEnvironment,
  searchDirectories,
} from '../../../src/plan/environment.js';
import { clean, resolve } from '../../../src/plan/path.js';
import { planPersonality } from '../../../src/plan/personality.js';
import { planLimits } from '../../../src/plan/rlimits.js';
import { planScheduler } from '../../../src/plan/scheduler.js';
import { Slots } from '../../../src/plan/slots.js';
import { ALL_CAPABILITIES } from './support.js';

describe('capabilities', () => {
  const CHOWN = 1n;
  const KILL = 1n << 5n;

  it('are bits of five sets', () => {
    const warnings: string[] = [];
    const all = ['CAP_CHOWN', 'CAP_KILL'];
    expect(
      capabilityMasks(
        { bounding: all, permitted: all, effective: ['CAP_KILL'], inheritable: all, ambient: all },
        ALL_CAPABILITIES,
        '/c',
        warnings,
      ),
    ).toEqual({
      bounding: CHOWN | KILL,
      permitted: CHOWN | KILL,
      effective: KILL,
      inheritable: CHOWN | KILL,
      ambient: CHOWN | KILL,
    });
    expect(warnings).toEqual([]);
  });

  it('are none when there are none', () => {
    expect(capabilityMasks(undefined, ALL_CAPABILITIES, '/c', [])).toEqual({
      bounding: 0n,
      permitted: 0n,
      effective: 0n,
      inheritable: 0n,
      ambient: 0n,
    });
  });

  it('are dropped from all sets with one warning each when they cannot be had', () => {
    const warnings: string[] = [];
    const names = ['CAP_CHOWN', 'CAP_NEW', 'CAP_KILL', 'cap_kill'];
    const masks = capabilityMasks(
      { bounding: names, permitted: names, effective: names },
      CHOWN,
      '/process/capabilities',
      warnings,
    );
    expect(masks).toMatchObject({ bounding: CHOWN, permitted: CHOWN, effective: CHOWN });
    expect(warnings).toEqual([
      '/process/capabilities: unknown, ignored: CAP_NEW, cap_kill',
      '/process/capabilities: cannot be granted here, ignored: CAP_KILL',
    ]);
  });

  it('follow the rules of the kernel between the sets', () => {
    const warnings: string[] = [];
    expect(
      capabilityMasks(
        {
          permitted: ['CAP_CHOWN'],
          effective: ['CAP_KILL'],
          inheritable: ['CAP_CHOWN'],
          ambient: ['CAP_CHOWN'],
        },
        ALL_CAPABILITIES,
        '/c',
        warnings,
      ),
    ).toMatchObject({ effective: 0n, inheritable: 0n, ambient: 0n });
    expect(warnings).toEqual([
      '/c/effective: ignored, not permitted: CAP_KILL',
      '/c/inheritable: ignored, not in the bounding set: CAP_CHOWN',
      '/c/ambient: ignored, not both permitted and inheritable: CAP_CHOWN',
    ]);
  });

  it('can be granted as far as the caller has them, or as the kernel has them in a new namespace', () => {
    const caller = { effective: 0b0111n, bounding: 0b1110n, lastCapability: 3 };
    expect(grantableCapabilities(caller, true)).toBe(0b0110n);
    expect(grantableCapabilities(caller, false)).toBe(0b1111n);
  });
});

describe('environment', () => {
  const home = () => '/home/x';

  it('keeps the last of two and its place', () => {
    expect(planEnvironment(['A=1', 'B=2', 'A=3', 'HOME=/h'], '/e', [], home)).toEqual([
      'B=2',
      'A=3',
      'HOME=/h',
    ]);
  });

  it('fills in HOME when it is missing or empty', () => {
    expect(planEnvironment([], '/e', [], home)).toEqual(['HOME=/home/x']);
    expect(planEnvironment(['HOME=', 'A=1'], '/e', [], home)).toEqual(['A=1', 'HOME=/home/x']);
  });

  it('does not look for a home that is given', () => {
    const unused = () => {
      throw new Error('looked');
    };
    expect(planEnvironment(['HOME=/h'], '/e', [], unused)).toEqual(['HOME=/h']);
  });

  it("lets the runtime's own entries win", () => {
    expect(planEnvironment(['LISTEN_PID=9', 'HOME=/'], '/e', ['LISTEN_PID=1'], home)).toEqual([
      'HOME=/',
      'LISTEN_PID=1',
    ]);
  });

  it('has names and values', () => {
    expect(() => planEnvironment(['A=', 'B'], '/process/env', [], home)).toThrow(
      '/process/env/1: must be NAME=value: B',
    );
    expect(() => planEnvironment(['=x'], '/process/env', [], home)).toThrow('/process/env/0');
  });
});

describe('home directories', () => {
  const passwd =
    'root:x:0:0:root:/root:/bin/sh\nbad\n# c\nx:x:10:10::/home/x:\ny:x:10:1::/y:\nz:x:11:1::\n';

  it.each([
    [0, '/root'],
    [10, '/home/x'],
    [11, '/'],
    [1, '/'],
  ])('of user %i is %s', (uid, home) => {
    expect(homeDirectory(passwd, uid)).toBe(home);
  });

  it('is / without a passwd file', () => {
    expect(homeDirectory(undefined, 0)).toBe('/');
  });
});

describe('search directories', () => {
  it.each([
    [['PATH=/a:/b'], ['/a', '/b']],
    [['PATH=/a', 'PATH=/b'], ['/b']],
    [['PATH=:/a:'], ['.', '/a', '.']],
    [['PATH='], ['.']],
    [['XPATH=/a'], ['/bin', '/usr/bin']],
    [[], ['/bin', '/usr/bin']],
  ])('of %j', (env, directories) => {
    expect(searchDirectories(env)).toEqual(directories);
  });
});

describe('limits', () => {
  it('are exact', () => {
    expect(
      planLimits(
        [
          { type: 'RLIMIT_RTTIME', soft: 1, hard: 18446744073709551615n },
          { type: 'RLIMIT_CPU', soft: 0, hard: 5 },
        ],
        '/r',
      ),
    ).toEqual([
      { op: 'rlimit', at: '/r/0', resource: 15, soft: 1n, hard: 18446744073709551615n },
      { op: 'rlimit', at: '/r/1', resource: 0, soft: 0n, hard: 5n },
    ]);
  });

  it('are those of Linux', () => {
    expect(() => planLimits([{ type: 'RLIMIT_X', soft: 0, hard: 0 }], '/r')).toThrow(
      '/r/0/type: unknown resource RLIMIT_X',
    );
  });
});

describe('scheduler', () => {
  it('has flags and nanoseconds', () => {
    expect(
      planScheduler(
        {
          policy: 'SCHED_DEADLINE',
          flags: ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_DL_OVERRUN'],
          runtime: 9007199254740993n,
          deadline: 20,
          period: 30,
        },
        '/s',
      ),
    ).toEqual([
      {
        op: 'scheduler',
        at: '/s',
        policy: 6,
        flags: 5,
        nice: 0,
        priority: 0,
        runtime: 9007199254740993n,
        deadline: 20,
        period: 30,
      },
    ]);
  });
});

describe('personality', () => {
  it('has no flags that anybody knows', () => {
    expect(planPersonality({ domain: 'LINUX', flags: [] })).toMatchObject([{ persona: 0 }]);
    expect(() => planPersonality({ domain: 'LINUX', flags: ['X'] })).toThrow(
      '/linux/personality/flags: unknown flag X',
    );
  });
});

describe('paths', () => {
  it.each([
    ['/', '/'],
    ['', '/'],
    ['/a//b/./c/', '/a/b/c'],
    ['a/../../b', '/b'],
  ])('%s is clean as %s', (path, cleaned) => {
    expect(clean(path)).toBe(cleaned);
  });

  it('are resolved against a directory', () => {
    expect(resolve('/bundle', 'a')).toBe('/bundle/a');
    expect(resolve('/bundle', '../a')).toBe('/a');
    // What is absolute may lead through links, so its text is left alone.
    expect(resolve('/bundle', '/a/../b')).toBe('/a/../b');
  });
});

describe('slots', () => {
  it('are numbered once', () => {
    const slots = new Slots();
    expect(slots.input({ kind: 'fifo', at: '' })).toBe(0);
    expect(slots.fill()).toBe(1);
    expect(slots.fill()).toBe(2);
    expect(slots.count).toBe(3);
    expect(() => slots.input({ kind: 'fifo', at: '' })).toThrow(RangeError);
  });
});
