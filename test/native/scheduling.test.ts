/** process.scheduler, ioPriority and execCPUAffinity, read inside; rlimits. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import type { Process, Scheduler, Spec } from '../../src/spec/types.js';
import { fieldsOf, useScene } from '../support/scene.js';
import { newId, runProgram } from '../support/tsrun.js';

const scene = useScene();

const withProcess =
  (change: Partial<Process>) =>
  (spec: Spec): void => {
    spec.process = { ...spec.process, ...change } as Process;
  };

/** nice, rt_priority and policy of /proc/PID/stat (proc_pid_stat(5), fields 19, 40, 41). */
function schedulingOf(stat: string): { nice: number; priority: number; policy: number } {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number): number => fields[number - 3] ?? NaN;
  return { nice: field(19), priority: field(40), policy: field(41) };
}

// Real-time policies are the machine's to grant: chrt tells whether it does.
test.each<[Scheduler, string[], { nice?: number; priority?: number; policy: number }]>([
  [{ policy: 'SCHED_OTHER', nice: 7 }, ['-o', '0'], { policy: 0, nice: 7 }],
  [{ policy: 'SCHED_OTHER', nice: -7 }, ['-o', '0'], { policy: 0, nice: -7 }],
  [{ policy: 'SCHED_BATCH', nice: 3 }, ['-b', '0'], { policy: 3, nice: 3 }],
  [{ policy: 'SCHED_IDLE' }, ['-i', '0'], { policy: 5 }],
  [{ policy: 'SCHED_FIFO', priority: 11 }, ['-f', '11'], { policy: 1, priority: 11 }],
  [{ policy: 'SCHED_RR', priority: 12 }, ['-r', '12'], { policy: 2, priority: 12 }],
  [
    { policy: 'SCHED_DEADLINE', runtime: 10_000_000, deadline: 30_000_000, period: 30_000_000 },
    ['-d', '-T', '10000000', '-D', '30000000', '-P', '30000000', '0'],
    { policy: 6 },
  ],
  [
    { policy: 'SCHED_DEADLINE', nice: 5, runtime: 10_000_000, deadline: 30_000_000 },
    ['-d', '-T', '10000000', '-D', '30000000', '-P', '30000000', '0'],
    { policy: 6 },
  ],
  [{ policy: 'SCHED_FIFO', nice: 5, priority: 11 }, ['-f', '11'], { policy: 1, priority: 11 }],
])('scheduler %j', async (scheduler, chrt, expected) => {
  const granted = (await runProgram(['chrt', ...chrt, 'true'])).status === 0;
  const bundle = scene.bundle(
    '',
    withProcess({ args: ['/bin/cat', '/proc/self/stat'], scheduler }),
  );
  const result = await scene.run(bundle);
  if (granted) {
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(schedulingOf(result.stdout)).toMatchObject(expected);
  } else {
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^tsrun: \/process\/scheduler: cannot set the scheduler: .*\n$/);
  }
});

test('a scheduler flag reaches the kernel: children of the program have the usual policy', async () => {
  const text = await scene.output(
    'cat /proc/$$/stat; cat /proc/self/stat; true',
    withProcess({
      scheduler: { policy: 'SCHED_OTHER', nice: -3, flags: ['SCHED_FLAG_RESET_ON_FORK'] },
    }),
  );
  const [own = '', child = ''] = text.split('\n');
  expect(schedulingOf(own).nice).toBe(-3);
  expect(schedulingOf(child).nice).toBe(0);
});

test.each([
  ['IOPRIO_CLASS_RT' as const, 3, 'realtime: prio 3'],
  ['IOPRIO_CLASS_BE' as const, 6, 'best-effort: prio 6'],
  ['IOPRIO_CLASS_IDLE' as const, 0, 'idle'],
  ['IOPRIO_CLASS_IDLE' as const, undefined, 'idle'],
])('ioPriority %s %d', async (ioClass, priority, expected) => {
  const ioPriority = { class: ioClass, ...(priority === undefined ? {} : { priority }) };
  const text = await scene.output('', withProcess({ args: ['/bin/ionice'], ioPriority }));
  expect(text.trim().replace(/^idle: prio \d+$/, 'idle')).toBe(expected);
});

test.each([
  [{ initial: '0', final: '1' }, '1'],
  [{ final: '0' }, '0'],
  [{ initial: '1' }, '1'],
])(
  'execCPUAffinity %j is that of an exec, not that of the first process',
  async (affinity, cpus) => {
    const own = fieldsOf(readFileSync('/proc/self/status', 'utf8'))['Cpus_allowed_list'];
    const container = await scene.started(
      'grep Cpus_allowed_list /proc/self/status > /tmp/cpus; exec sleep 1000',
      (spec) => {
        withProcess({ execCPUAffinity: affinity })(spec);
        if (spec.root !== undefined) spec.root.readonly = false;
      },
    );
    const result = await scene.runtime(['exec', container.id, 'cat', '/proc/self/status']);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(fieldsOf(result.stdout)['Cpus_allowed_list']).toBe(cpus);
    const first = readFileSync(`/proc/${container.pid.toString()}/status`, 'utf8');
    expect(fieldsOf(first)['Cpus_allowed_list']).toBe(own);
    await container.remove();
  },
);

describe('rlimits', () => {
  /** Numbers that JSON.stringify cannot write stand in quotes. */
  async function limitsOf(
    rlimits: [type: string, soft: string, hard: string][],
    user = { uid: 0, gid: 0 },
  ): Promise<Record<string, string>> {
    const bundle = scene.bundle('', withProcess({ args: ['/bin/cat', '/proc/self/limits'], user }));
    if (bundle.spec.process !== undefined) {
      bundle.spec.process.rlimits = rlimits.map(([type, soft, hard]) => ({
        type,
        soft: `@${soft}`,
        hard: `@${hard}`,
      })) as never;
    }
    const text = JSON.stringify(bundle.spec).replaceAll(/"@(\d+)"/g, '$1');
    writeFileSync(join(bundle.path, 'config.json'), text);
    const result = await scene.runtime(['run', '--bundle', bundle.path, newId()]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const limits: Record<string, string> = {};
    for (const line of result.stdout.split('\n')) {
      const match = /^(Max .*?) {2,}(\S+) +(\S+)/.exec(line);
      if (match !== null) limits[match[1] ?? ''] = `${match[2] ?? ''} ${match[3] ?? ''}`;
    }
    return limits;
  }

  const INFINITY = '18446744073709551615';

  test.each([0, 1000])('each is set, for user %d too', async (uid) => {
    const limits = await limitsOf(
      [
        ['RLIMIT_NOFILE', '512', '1024'],
        ['RLIMIT_CORE', '0', INFINITY],
        ['RLIMIT_STACK', '4194304', INFINITY],
        ['RLIMIT_CPU', '1000', '2000'],
        ['RLIMIT_DATA', INFINITY, INFINITY],
        ['RLIMIT_FSIZE', '9007199254740993', '9007199254740995'],
      ],
      { uid, gid: uid },
    );
    expect(limits).toMatchObject({
      'Max open files': '512 1024',
      'Max core file size': '0 unlimited',
      'Max stack size': '4194304 unlimited',
      'Max cpu time': '1000 2000',
      'Max data size': 'unlimited unlimited',
      'Max file size': '9007199254740993 9007199254740995',
    });
  });

  test('without any, the soft limit is the caller’s, not what the host program made of it', async () => {
    const bundle = scene.bundle('ulimit -Sn', (spec) => {
      delete spec.process?.rlimits;
    });
    const prefix = ['sh', '-c', 'ulimit -Sn 777; "$0" "$@"'];
    const result = await scene.runtime(['run', '--bundle', bundle.path, newId()], { prefix });
    expect(result).toMatchObject({ status: 0, stdout: '777\n', stderr: '' });
  });

  test('fewer open files than set-up needs are no obstacle', async () => {
    const limits = await limitsOf([['RLIMIT_NOFILE', '4', '4']]);
    expect(limits['Max open files']).toBe('4 4');
  });

  test('without any, the limits of the caller are kept', async () => {
    const own = /^Max open files +(\S+) +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    const limits = await limitsOf([]);
    expect(limits['Max open files']).toBe(`${own?.[1] ?? ''} ${own?.[2] ?? ''}`);
  });
});
