import { beforeEach, describe, expect, it } from 'vitest';

import { delegateCgroup } from '../../../src/cgroups/delegate.js';
import { waitFrozen } from '../../../src/cgroups/events.js';
import {
  isFrozen,
  isPopulated,
  isThere,
  killAll,
  procs,
  removeCgroup,
  waitEmpty,
} from '../../../src/cgroups/manager.js';
import type { CgroupRecord } from '../../../src/cgroups/manager.js';
import {
  CGROUP2_SUPER_MAGIC,
  EACCES,
  EINVAL,
  ENOENT,
  EXDEV,
  SIGKILL,
  SIGTERM,
} from '../../../src/native/constants.js';
import type { Native, Stat } from '../../../src/native/types.js';
import { FakeCgroupfs } from './fake-cgroupfs.js';

const ROOT = '/sys/fs/cgroup';
const PATH = `${ROOT}/c`;
const cgroup: CgroupRecord = { manager: 'cgroupfs', path: PATH, inode: '1' };
let fs: FakeCgroupfs;

beforeEach(() => {
  fs = new FakeCgroupfs(ROOT);
});

describe('procs', () => {
  it('lists the processes of all cgroups below', async () => {
    fs.add(PATH, 3, 4);
    fs.add(`${PATH}/system.slice`, 5);
    fs.add(`${PATH}/system.slice/x.service`, 6);
    expect(await procs(fs.native, cgroup)).toEqual([3, 4, 5, 6]);
  });

  it('reads no directory where there are no cgroups below', async () => {
    fs.add(PATH, 3);
    await procs(fs.native, cgroup);
    expect(fs.log).toEqual([`readText ${PATH}/cgroup.procs`, `readText ${PATH}/cgroup.stat`]);
  });

  it('leaves out processes of other pid namespaces, which read as 0', async () => {
    fs.add(PATH, 0, 3);
    expect(await procs(fs.native, cgroup)).toEqual([3]);
  });

  it('finds none where the cgroup is gone', async () => {
    expect(await procs(fs.native, cgroup)).toEqual([]);
  });

  it('says what it cannot read', async () => {
    fs.add(PATH, 3);
    fs.failures.set(`readText ${PATH}/cgroup.procs`, EACCES);
    await expect(procs(fs.native, cgroup)).rejects.toThrow(
      `cannot read ${PATH}/cgroup.procs: permission denied`,
    );
  });
});

describe('isThere', () => {
  it('takes no cgroup for it that was made at its path since', () => {
    const found = (stat: { ino: bigint } | number): boolean =>
      isThere({ ...fs.native, stat: () => stat as Stat | number }, cgroup);
    expect(found({ ino: 1n })).toBe(true);
    expect(found({ ino: 2n })).toBe(false);
    expect(found(-ENOENT)).toBe(false);
    // Nobody knows.
    expect(() => found(-EACCES)).toThrow(`look at cgroup ${PATH}`);
  });

  it('does not take it for gone where something else is mounted', () => {
    const elsewhere: Native = {
      ...fs.native,
      stat: () => -ENOENT,
      readText: () => -ENOENT,
      statfsType: (path) => (path.length > '/sys/fs'.length ? -ENOENT : 0),
    };
    for (const look of [isThere, isPopulated, isFrozen]) {
      expect(() => look(elsewhere, cgroup)).toThrow(
        `cannot look at cgroup ${PATH}: /sys/fs is in no hierarchy of cgroup v2`,
      );
    }
  });
});

describe('a cgroup of a hierarchy that is known', () => {
  const known: CgroupRecord = { ...cgroup, hierarchy: [ROOT, '1'] };
  const look = (shown: Partial<Record<'type' | 'ino' | 'below', number>>): boolean =>
    isThere(
      {
        ...fs.native,
        stat: () => -ENOENT,
        open: () => 9,
        fstatfsType: () => shown.type ?? CGROUP2_SUPER_MAGIC,
        fstat: () => ({ ino: BigInt(shown.ino ?? 1) }) as Stat,
        openat2: () => shown.below ?? -ENOENT,
        close: () => 0,
      },
      known,
    );

  it('is gone where that hierarchy does not have it', () => {
    expect(look({})).toBe(false);
    expect(look({ below: 10 })).toBe(false);
  });

  it('is not taken for gone where its hierarchy is not seen', () => {
    expect(() => look({ type: 0 })).toThrow(`${ROOT} is in no hierarchy of cgroup v2`);
    expect(() => look({ ino: 5 })).toThrow(`${ROOT} shows another part of the hierarchy`);
    expect(() => look({ below: -EXDEV })).toThrow('something is mounted on its path');
    expect(() => look({ below: -EACCES })).toThrow('permission denied');
  });
});

describe('killAll', () => {
  it('kills with cgroup.kill', async () => {
    fs.add(PATH, 3);
    fs.add(`${PATH}/a`, 4);
    await killAll(fs.native, cgroup, SIGKILL);
    expect(isPopulated(fs.native, cgroup)).toBe(false);
    expect(fs.signals).toEqual([]);
  });

  it('kills frozen processes one by one where there is no cgroup.kill', async () => {
    fs.hasKill = false;
    fs.add(PATH, 3);
    fs.add(`${PATH}/a`, 4);
    await killAll(fs.native, cgroup, SIGKILL);
    expect(fs.signals).toEqual([
      [3, SIGKILL],
      [4, SIGKILL],
    ]);
    expect(fs.log.filter((call) => call.includes('freeze'))).toEqual([
      `readText ${PATH}/cgroup.freeze`,
      `writeText ${PATH}/cgroup.freeze`,
      `writeText ${PATH}/cgroup.freeze`,
    ]);
    expect(isFrozen(fs.native, cgroup)).toBe(false);
  });

  it('sends another signal once to each, and thaws', async () => {
    fs.add(PATH, 3, 4);
    await killAll(fs.native, cgroup, SIGTERM);
    expect(fs.signals).toEqual([
      [3, SIGTERM],
      [4, SIGTERM],
    ]);
    expect(isFrozen(fs.native, cgroup)).toBe(false);
  });

  it('leaves a paused container paused', async () => {
    fs.addFrozen(PATH, 3);
    await killAll(fs.native, cgroup, SIGTERM);
    expect(fs.signals).toEqual([[3, SIGTERM]]);
    expect(isFrozen(fs.native, cgroup)).toBe(true);
  });

  it('reaches a child that is forked where freezing is not allowed', async () => {
    fs.add(PATH, 3);
    fs.failures.set(`writeText ${PATH}/cgroup.freeze`, EACCES);
    const native = fs.native;
    const forking = new Proxy(native, {
      get(target, name: keyof typeof native) {
        if (name !== 'kill') return target[name];
        return (pid: number, signal: number) => {
          if (pid === 3) fs.groups.get(PATH)?.procs.push(4);
          return native.kill(pid, signal);
        };
      },
    });
    await killAll(forking, cgroup, SIGTERM);
    expect(fs.signals.map(([pid]) => pid)).toEqual([3, 4]);
  });

  it('is content with a cgroup that is gone', async () => {
    await killAll(fs.native, cgroup, SIGKILL);
    await killAll(fs.native, cgroup, SIGTERM);
    expect(fs.signals).toEqual([]);
  });

  it('says why cgroup.kill failed', async () => {
    fs.add(PATH, 3);
    fs.failures.set(`writeText ${PATH}/cgroup.kill`, EACCES);
    await expect(killAll(fs.native, cgroup, SIGKILL)).rejects.toThrow(
      `cannot write to ${PATH}/cgroup.kill: permission denied`,
    );
  });
});

describe('waiting', () => {
  it('does not wait for an empty cgroup, nor for one that is gone', async () => {
    expect(await waitEmpty(fs.native, cgroup, 1000)).toBe(true);
    fs.add(PATH);
    expect(await waitEmpty(fs.native, cgroup, 1000)).toBe(true);
    expect(fs.waits).toEqual([]);
    expect(fs.openFiles.size).toBe(0);
  });

  it('ends with the event, after others that change nothing', async () => {
    fs.add(PATH, 3);
    const changes = [
      () => (fs.groups.get(PATH)!.frozen = true),
      () => (fs.groups.get(PATH)!.procs = []),
    ];
    fs.onWait = () => void changes.shift()?.();
    expect(await waitEmpty(fs.native, cgroup, 1000)).toBe(true);
    expect(fs.waits.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 1000]);
    expect(fs.openFiles.size).toBe(0);
  });

  it('ends when the cgroup goes', async () => {
    fs.add(PATH, 3);
    fs.onWait = () => void fs.groups.delete(PATH);
    expect(await waitEmpty(fs.native, cgroup, 1000)).toBe(true);
  });

  it('ends at the timeout', async () => {
    fs.add(PATH, 3);
    expect(await waitEmpty(fs.native, cgroup, 1000)).toBe(false);
    expect(fs.nowMs).toBe(2000);
    expect(fs.openFiles.size).toBe(0);
  });

  it('waits for processes to stand still', async () => {
    fs.add(PATH, 3);
    fs.onWait = () => void (fs.groups.get(PATH)!.frozen = true);
    expect(await waitFrozen(fs.native, cgroup, 1000)).toBe(true);
  });
});

describe('removeCgroup', () => {
  it('needs one rmdir', async () => {
    fs.add(PATH);
    await removeCgroup(fs.native, cgroup);
    expect(fs.log).toEqual([`rmdir ${PATH}`]);
    expect(fs.groups.has(PATH)).toBe(false);
  });

  it('is content with a cgroup that is gone', async () => {
    await removeCgroup(fs.native, cgroup);
  });

  it('goes far down, one descriptor at a time, and lets others have a turn', async () => {
    let path = PATH;
    fs.add(path);
    for (let depth = 0; depth < 50; depth++) {
      fs.add(`${path}/side`);
      path += '/deeper';
      fs.add(path);
    }
    const { native } = fs;
    let most = 0;
    const counting = new Proxy(native, {
      get(target, name: keyof typeof native) {
        most = Math.max(most, fs.openFiles.size);
        return target[name];
      },
    });
    await removeCgroup(counting, cgroup);
    expect([...fs.groups.keys()]).toEqual([ROOT]);
    expect(most).toBe(2);
    expect(fs.openFiles.size).toBe(0);
    expect(fs.waits).toHaveLength(1);
  });

  it('removes those below first, and no parents', async () => {
    fs.add(`${ROOT}/p`);
    const nested: CgroupRecord = { manager: 'cgroupfs', path: `${ROOT}/p/c`, inode: '1' };
    fs.add(nested.path);
    fs.add(`${nested.path}/a`);
    fs.add(`${nested.path}/a/b`);
    await removeCgroup(fs.native, nested);
    expect([...fs.groups.keys()]).toEqual([ROOT, `${ROOT}/p`]);
    expect(fs.waits).toEqual([]);
  });

  it('waits for the last process to go', async () => {
    fs.add(PATH);
    fs.add(`${PATH}/a`, 3);
    fs.onWait = () => void (fs.groups.get(`${PATH}/a`)!.procs = []);
    await removeCgroup(fs.native, cgroup);
    expect([...fs.groups.keys()]).toEqual([ROOT]);
    expect(fs.waits).toHaveLength(1);
  });

  it('does not pause when the cgroup has become empty since the attempt', async () => {
    fs.add(PATH, 3);
    const native = fs.native;
    const emptying = new Proxy(native, {
      get(target, name: keyof typeof native) {
        if (name === 'readText') fs.groups.get(PATH)!.procs = [];
        return target[name];
      },
    });
    await removeCgroup(emptying, cgroup);
    expect(fs.waits).toEqual([]);
  });

  it('gives up after ten seconds and names the processes', async () => {
    fs.add(PATH, 3, 4);
    await expect(removeCgroup(fs.native, cgroup)).rejects.toMatchObject({
      code: 'ERR_CGROUP',
      message: `cannot remove cgroup ${PATH}: device or resource busy, process 3, 4 still in it`,
    });
    expect(fs.nowMs).toBe(11_000);
  });

  it('gives up on one that is busy though it is empty', async () => {
    fs.add(PATH);
    fs.failures.set(`rmdir ${PATH}`, 16);
    await expect(removeCgroup(fs.native, cgroup, 100)).rejects.toMatchObject({
      message: `cannot remove cgroup ${PATH}: device or resource busy`,
    });
    expect(fs.nowMs).toBe(1100);
  });

  it('does not try again what cannot get better', async () => {
    fs.add(PATH);
    fs.failures.set(`rmdir ${PATH}`, EACCES);
    await expect(removeCgroup(fs.native, cgroup)).rejects.toMatchObject({ errno: EACCES });
    expect(fs.log).toEqual([`rmdir ${PATH}`]);
  });
});

describe('delegateCgroup', () => {
  it('gives the directory and the listed files that are there', () => {
    fs.add(PATH);
    fs.files.set('/sys/kernel/cgroup/delegate', 'cgroup.procs\ncgroup.threads\nmemory.reclaim\n');
    delegateCgroup(fs.native, cgroup, 1000);
    expect([...fs.owners]).toEqual([
      [PATH, 1000],
      [`${PATH}/cgroup.procs`, 1000],
      [`${PATH}/cgroup.threads`, 1000],
    ]);
  });

  it("falls back to the spec's list", () => {
    fs.add(PATH);
    delegateCgroup(fs.native, cgroup, 1000);
    expect([...fs.owners.keys()]).toEqual([
      PATH,
      `${PATH}/cgroup.procs`,
      `${PATH}/cgroup.subtree_control`,
      `${PATH}/cgroup.threads`,
    ]);
  });

  it('says what it cannot give', () => {
    fs.add(PATH);
    fs.failures.set(`chown ${PATH}`, EINVAL);
    expect(() => delegateCgroup(fs.native, cgroup, 1000)).toThrow(
      `cannot give ${PATH} to user 1000: invalid argument`,
    );
  });
});
