/** Limits, pause, update and events, on what the v2 hierarchy of a hybrid host has. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { LinuxResources, Spec } from '../../src/spec/types.js';
import { grant, linuxOf, setNamespace, useContainers } from '../support/inside.js';
import type { LabOptions } from '../support/inside.js';
import { COMMAND, newId } from '../support/tsrun.js';

const lab = useContainers();
const UNIFIED = '/sys/fs/cgroup/unified';
const PARENT = `/tsrun-limits-${String(process.pid)}`;
const V1_MEMORY = '/sys/fs/cgroup/memory';
const HUGEPAGES =
  existsSync(UNIFIED) &&
  v2Has('hugetlb') &&
  existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB');

function v2Has(controller: string): boolean {
  const text = readFileSync(`${UNIFIED}/cgroup.controllers`, 'utf8');
  return text.trim().split(' ').includes(controller);
}

function limits(resources: LinuxResources): (spec: Spec) => void {
  return (spec) => {
    setNamespace(spec, 'cgroup');
    linuxOf(spec).resources = { ...linuxOf(spec).resources, ...resources };
  };
}

/** A container that sleeps; its id and the directory of its cgroup. */
async function sleeping(
  change: (spec: Spec) => void = () => undefined,
  script = 'sleep 1000',
): Promise<{
  id: string;
  cgroup: string;
  tsrun: (...args: string[]) => ReturnType<typeof lab.run>;
}> {
  const id = newId();
  const path = `${PARENT}-${id}`;
  const { path: bundle } = lab.bundle(script, (spec) => {
    setNamespace(spec, 'cgroup');
    linuxOf(spec).cgroupsPath = path;
    change(spec);
  });
  const runtime = lab.runtime();
  const options: LabOptions = { stdio: ['ignore', 'ignore', 'ignore'] };
  lab.cleanup(() => runtime.clean());
  const started = await runtime(['run', '--detach', '--bundle', bundle, id], options);
  expect(started.status).toBe(0);
  return { id, cgroup: UNIFIED + path, tsrun: (...args) => runtime([...args, id]) };
}

const like = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const QUIET = { status: 0, stdout: '', stderr: '' };

describe('limits', () => {
  it('are in force when the program starts', async (context) => {
    if (!HUGEPAGES) context.skip('this kernel has no huge pages in v2');
    const { depth, size, reserved } = await lab.inspect(
      {
        depth: 'cat /sys/fs/cgroup/cgroup.max.depth',
        size: 'cat /sys/fs/cgroup/hugetlb.2MB.max',
        reserved: 'cat /sys/fs/cgroup/hugetlb.2MB.rsvd.max',
      },
      limits({
        hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }],
        unified: { 'cgroup.max.depth': '3', 'hugetlb.2MB.rsvd.max': '8388608' },
        pids: { limit: -1 },
        memory: { limit: -1, swap: -1 },
      }),
    );
    expect([depth, size, reserved]).toEqual(['3', '4194304', '8388608']);
  });

  it.each<[string, LinuxResources, string]>([
    ['memory', { memory: { limit: 1 << 30 } }, '/linux/resources/memory/limit'],
    ['pids', { pids: { limit: 100 } }, '/linux/resources/pids/limit'],
    ['cpu', { cpu: { shares: 1024 } }, '/linux/resources/cpu/shares'],
    ['cpuset', { cpu: { cpus: '0' } }, '/linux/resources/cpu/cpus'],
    [
      'blkio',
      { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] } },
      '/linux/resources/blockIO/throttleReadBpsDevice/0/rate',
    ],
  ])('of %s are refused where v1 has it', async (v1, resources, pointer) => {
    const { status, stdout, stderr } = await lab.run('echo ran', limits(resources));
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`tsrun: ${pointer}: `);
    expect(stderr).toContain(`is in the cgroup v1 hierarchy /sys/fs/cgroup/${v1}`);
    expect(stderr).toContain(`cgroup_no_v1=${v1}`);
  });

  it('that are refused leave no parent behind', async () => {
    const result = await lab.run('echo ran', (spec) => {
      limits({ unified: { 'cgroup.max.depth': 'deep' } })(spec);
      linuxOf(spec).cgroupsPath = `${PARENT}/a/b`;
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain('/linux/resources/unified/cgroup.max.depth');
    expect(result.stderr).toContain(`${UNIFIED}${PARENT}/a/b/cgroup.max.depth: invalid argument`);
    expect(existsSync(UNIFIED + PARENT)).toBe(false);
  });

  it('are taken back from a cgroup that was there before', async () => {
    const path = UNIFIED + PARENT;
    mkdirSync(path);
    lab.cleanup(() => rmdirSync(path));
    writeFileSync(join(path, 'cgroup.max.depth'), '7');
    const { status } = await lab.run('echo ran', (spec) => {
      limits({ unified: { 'cgroup.max.depth': '3', 'cgroup.max.descendants': '-1' } })(spec);
      linuxOf(spec).cgroupsPath = PARENT;
    });
    expect(status).toBe(1);
    expect(readFileSync(join(path, 'cgroup.max.depth'), 'utf8')).toBe('7\n');
  });
});

describe('pause and resume', () => {
  it('stop all processes and let them go on', async () => {
    const { id, cgroup, tsrun } = await sleeping();
    const status = async (): Promise<unknown> =>
      (JSON.parse((await tsrun('state')).stdout) as { status: string }).status;
    expect(await tsrun('resume')).toMatchObject({
      status: 1,
      stderr: like(/container not paused/),
    });
    expect(await tsrun('pause')).toEqual({ ...QUIET, signal: null });
    expect(readFileSync(join(cgroup, 'cgroup.events'), 'utf8')).toContain('frozen 1');
    expect(await status()).toBe('paused');
    expect(await tsrun('pause')).toMatchObject({ status: 1, stderr: like(/not running: paused/) });

    const exec = await lab.runtime()(['exec', id, 'true']);
    expect(exec).toMatchObject({
      status: 255,
      stderr: like(/cannot exec in container "[^"]+": it is paused/),
    });
    // It waits, holding its lock, until the container goes on.
    const waiting = lab.runtime()(['exec', '--ignore-paused', id, 'echo', 'late']);
    expect(await tsrun('resume')).toMatchObject(QUIET);
    expect(await waiting).toMatchObject({ status: 0, stdout: 'late\n' });
    expect(await status()).toBe('running');
  });

  it('a paused container can be killed', async () => {
    const { id, tsrun } = await sleeping();
    expect(await tsrun('pause')).toMatchObject(QUIET);
    expect(await lab.runtime()(['kill', id, 'KILL'])).toMatchObject(QUIET);
    // It ends when its process has ended.
    expect(await tsrun('delete', '--force')).toMatchObject(QUIET);
  });

  it('a paused container can be deleted by force', async () => {
    const { cgroup, tsrun } = await sleeping();
    expect(await tsrun('pause')).toMatchObject(QUIET);
    expect(await tsrun('delete')).toMatchObject({ status: 1, stderr: like(/not stopped: paused/) });
    expect(await tsrun('delete', '--force')).toMatchObject(QUIET);
    expect(existsSync(cgroup)).toBe(false);
  });
});

describe('update', () => {
  const update = (id: string, resources: LinuxResources): ReturnType<typeof lab.run> =>
    lab.runtime()(['update', '--resources=-', id], { input: JSON.stringify(resources) });

  it('changes files, all of them or none', async () => {
    const { id, cgroup } = await sleeping();
    const depth = (): string => readFileSync(join(cgroup, 'cgroup.max.depth'), 'utf8');
    expect(await update(id, { unified: { 'cgroup.max.depth': '5' } })).toMatchObject(QUIET);
    expect(depth()).toBe('5\n');

    // Refused by the kernel at the second one.
    const half = await update(id, {
      unified: { 'cgroup.max.depth': '6', 'cgroup.max.descendants': '-1' },
    });
    expect(half).toMatchObject({ status: 1, stdout: '' });
    expect(half.stderr).toMatch(/^tsrun: \/unified\/cgroup.max.descendants: cannot write "-1"/);
    expect(depth()).toBe('5\n');

    // Refused before the first one.
    const missing = await update(id, { unified: { 'cgroup.max.depth': '6' }, pids: { limit: 5 } });
    expect(missing.stderr).toContain('/pids/limit');
    expect(depth()).toBe('5\n');
    for (const args of [
      ['--memory', '1g'],
      ['--pids-limit', '7'],
      ['--cpu-share', '2'],
    ]) {
      const refused = await lab.runtime()(['update', ...args, id]);
      expect(refused).toMatchObject({ status: 1, stderr: like(/cgroup v1 hierarchy/) });
    }
    expect(await lab.runtime()(['update', '--pids-limit', '-1', id])).toMatchObject(QUIET);
    expect(await lab.runtime()(['update', '--cpu-rt-period', '5', id])).toMatchObject({
      status: 1,
      stderr: like(/\/cpu\/realtimePeriod: is not supported/),
    });
  });

  it('changes device rules', async () => {
    // No driver has 10:253: opening it fails in one way when allowed, in another when denied.
    const { id } = await sleeping((spec) => grant(spec, 'CAP_MKNOD'));
    const opened = async (): Promise<string> => {
      const script = '[ -e /dev/x ] || mknod /dev/x c 10 253; : < /dev/x';
      return (await lab.runtime()(['exec', id, 'sh', '-c', script])).stderr;
    };
    expect(await opened()).toContain('Operation not permitted');
    const allow: LinuxResources = {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 253, access: 'r' },
      ],
    };
    // What fails behind it takes the rules back.
    const bad = await update(id, { ...allow, unified: { 'cgroup.max.depth': 'x' } });
    expect(bad.status).toBe(1);
    expect(await opened()).toContain('Operation not permitted');
    expect(await update(id, allow)).toMatchObject(QUIET);
    expect(await opened()).toContain('No such device');
    expect(await update(id, { devices: [{ allow: false, access: 'rwm' }] })).toMatchObject(QUIET);
    expect(await opened()).toContain('Operation not permitted');
    expect(await update(id, { devices: [{ allow: true, access: 'rwm' }] })).toMatchObject(QUIET);
    expect(await opened()).toContain('No such device');
  });

  it('leaves a container that has ended alone', async () => {
    const { id } = await sleeping(undefined, 'true');
    const runtime = lab.runtime();
    const state = async (): Promise<string> => (await runtime(['state', id])).stdout;
    while (!(await state()).includes('"stopped"'));
    for (const command of ['pause', 'resume', 'update', 'events']) {
      expect(await runtime([command, id])).toMatchObject({
        status: 1,
        stderr: like(/not running/),
      });
    }
  });
});

describe('events', () => {
  it('shows what a container uses, in one line', async () => {
    const { id, tsrun } = await sleeping();
    const { status, stdout, stderr } = await tsrun('events', '--stats');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const event = JSON.parse(stdout) as { data: { cpu: { usage: { total: number } } } };
    expect(event).toMatchObject({
      type: 'stats',
      id,
      data: { pids: { current: 1, limit: 0 }, blkio: {}, intel_rdt: {}, network_interfaces: null },
    });
    expect(event.data.cpu.usage.total).toBeGreaterThan(0);
  });

  it('goes on until the container ends', async () => {
    const { id } = await sleeping();
    const runtime = lab.runtime();
    const [file = '', ...front] = COMMAND;
    const args = [...front, '--root', runtime.root, 'events', '--interval', '10ms', id];
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const end = once(child, 'close');
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child.stdout, 'data');
    expect(await runtime(['kill', id, 'KILL'])).toMatchObject(QUIET);
    expect(await end).toEqual([0, null]);
    for (const line of output.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ type: 'stats', id });
    }
  });
});

it('the v1 hierarchies are as they were', () => {
  expect(existsSync(`${V1_MEMORY}${PARENT}`)).toBe(false);
});
