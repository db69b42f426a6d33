import { beforeEach, describe, expect, it } from 'vitest';

import { canCreateCgroup } from '../../../src/cgroups/create.js';
import { createCgroup, undoCreate } from '../../../src/cgroups/manager.js';
import type { Cgroup } from '../../../src/cgroups/manager.js';
import { TsrunError } from '../../../src/errors.js';
import {
  EACCES,
  EAGAIN,
  EIO,
  ENOENT,
  EPERM,
  EROFS,
  EWOULDBLOCK,
} from '../../../src/native/constants.js';
import { FakeCgroupfs } from './fake-cgroupfs.js';

const ROOT = '/sys/fs/cgroup';
let fs: FakeCgroupfs;

beforeEach(() => {
  fs = new FakeCgroupfs(ROOT);
});

function create(path: string): Cgroup {
  return createCgroup(fs.native, { root: ROOT, path });
}

function refusal(path: string): TsrunError {
  try {
    createCgroup(fs.native, { root: ROOT, path });
  } catch (error) {
    if (error instanceof TsrunError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('createCgroup', () => {
  it('makes the leaf with one mkdir where its parent is there', () => {
    fs.add(`${ROOT}/a`);
    const cgroup = create('/a/b');
    expect(cgroup.record).toEqual({
      ...{ manager: 'cgroupfs', path: `${ROOT}/a/b`, inode: '42' },
      hierarchy: [ROOT, '1'],
    });
    expect(cgroup.created).toEqual([`${ROOT}/a/b`]);
    expect(fs.openFiles.get(cgroup.fd)?.path).toBe(`${ROOT}/a/b`);
    expect(fs.log).toEqual([`mkdir ${ROOT}/a/b`, `open ${ROOT}/a/b`]);
  });

  it('makes missing parents, and undoes exactly what it made', () => {
    fs.add(`${ROOT}/a`);
    const cgroup = create('/a/b/c/d');
    expect(cgroup.created).toEqual([`${ROOT}/a/b`, `${ROOT}/a/b/c`, `${ROOT}/a/b/c/d`]);
    undoCreate(fs.native, cgroup);
    expect([...fs.groups.keys()]).toEqual([ROOT, `${ROOT}/a`]);
    expect(fs.openFiles.size).toBe(0);
  });

  it('leaves a parent that somebody else uses meanwhile', () => {
    const cgroup = create('/a/b');
    fs.add(`${ROOT}/a/other`);
    undoCreate(fs.native, cgroup);
    expect([...fs.groups.keys()]).toEqual([ROOT, `${ROOT}/a`, `${ROOT}/a/other`]);
  });

  it('uses an empty cgroup that is there, and does not take it away', () => {
    fs.add(`${ROOT}/x`);
    const cgroup = create('/x');
    expect(cgroup.created).toEqual([]);
    undoCreate(fs.native, cgroup);
    expect(fs.groups.has(`${ROOT}/x`)).toBe(true);
  });

  it('refuses a cgroup with processes in it or below it', () => {
    fs.add(`${ROOT}/x`);
    fs.add(`${ROOT}/x/y`, 7, 8);
    expect(refusal('/x')).toMatchObject({
      code: 'ERR_CGROUP',
      message: `container's cgroup is not empty: processes found below ${ROOT}/x`,
    });
    fs.groups.get(`${ROOT}/x`)?.procs.push(7, 8);
    expect(refusal('/x').message).toBe(
      `container's cgroup is not empty: 2 process(es) found in ${ROOT}/x`,
    );
  });

  it('refuses one that another create has locked, or filled since', () => {
    fs.flock = () => -EWOULDBLOCK;
    expect(refusal('/p/x')).toMatchObject({
      code: 'ERR_CGROUP',
      message: `another container is being created in cgroup ${ROOT}/p/x`,
    });
    expect([...fs.groups.keys()]).toEqual([ROOT]);

    fs.add(`${ROOT}/x`);
    fs.flock = () => {
      fs.groups.get(`${ROOT}/x`)?.procs.push(7);
      return 0;
    };
    expect(refusal('/x').message).toContain('not empty: 1 process(es)');
    expect(fs.groups.has(`${ROOT}/x`)).toBe(true);
    expect(fs.openFiles.size).toBe(0);
  });

  it('refuses a frozen cgroup', () => {
    fs.addFrozen(`${ROOT}/x`);
    expect(refusal('/x').message).toBe(`container's cgroup unexpectedly frozen: ${ROOT}/x`);
  });

  it('refuses the name of a control file', () => {
    expect(refusal('/cgroup.procs').message).toBe(
      `cannot create cgroup ${ROOT}/cgroup.procs: not a directory`,
    );
  });

  it('begins again when an existing cgroup is removed meanwhile', () => {
    fs.add(`${ROOT}/x`);
    const native = fs.native;
    let removed = false;
    const racing = new Proxy(native, {
      get(target, name: keyof typeof native) {
        if (name !== 'access' || removed) return target[name];
        removed = true;
        fs.groups.delete(`${ROOT}/x`);
        return () => -ENOENT;
      },
    });
    expect(createCgroup(racing, { root: ROOT, path: '/x' })).toMatchObject({
      created: [`${ROOT}/x`],
    });
  });

  it('gives up when the hierarchy is not there', () => {
    fs.groups.clear();
    expect(refusal('/x').message).toBe(`cannot create cgroup ${ROOT}/x: no such file or directory`);
  });

  it.each([EACCES, EPERM, EROFS])('is refused where errno %i forbids one', (errno) => {
    fs.failures.set(`mkdir ${ROOT}/a/b`, errno);
    fs.add(`${ROOT}/a`);
    expect(refusal('/a/b')).toMatchObject({ code: 'ERR_PERMISSION', errno });
  });

  it('leaves no parents behind when the leaf cannot be made', () => {
    fs.failures.set(`mkdir ${ROOT}/a/b/c`, EACCES);
    expect(refusal('/a/b/c').code).toBe('ERR_PERMISSION');
    fs.failures.set(`mkdir ${ROOT}/a/b`, EACCES);
    fs.failures.delete(`mkdir ${ROOT}/a/b/c`);
    expect(refusal('/a/b/c').code).toBe('ERR_PERMISSION');
    expect([...fs.groups.keys()]).toEqual([ROOT]);
  });

  it('says which limit the kernel means with EAGAIN', () => {
    fs.failures.set(`mkdir ${ROOT}/x`, EAGAIN);
    expect(refusal('/x')).toMatchObject({
      code: 'ERR_CGROUP',
      message:
        `cannot create cgroup ${ROOT}/x: resource temporarily unavailable ` +
        '(cgroup.max.depth or cgroup.max.descendants of an ancestor)',
    });
  });
});

describe('canCreateCgroup', () => {
  const ask = (path: string): number => canCreateCgroup(fs.native, ROOT, ROOT + path);

  it('asks the one that is there, else the nearest above', () => {
    fs.add(`${ROOT}/a`);
    expect([ask('/a'), ask('/a/b'), ask('/x/y/z')]).toEqual([0, 0, 0]);
    fs.failures.set(`access ${ROOT}/a/cgroup.procs`, EACCES);
    fs.failures.set(`access ${ROOT}`, EROFS);
    expect([ask('/a'), ask('/a/b'), ask('/x/y/z')]).toEqual([-EACCES, 0, -EROFS]);
  });

  it('takes no other error for an answer', () => {
    fs.failures.set(`access ${ROOT}/x/cgroup.procs`, EIO);
    expect(() => ask('/x')).toThrow(`cannot create cgroup ${ROOT}/x: errno 5`);
  });
});
