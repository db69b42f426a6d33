/** idmap and ridmap: the owners that mounts show inside, and what is written through them. */

import { chownSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Mount, Spec } from '../../src/spec/types.js';
import { HOST_ID, inUserNamespace, program, useContainers } from '../support/inside.js';
import type { Change } from '../support/inside.js';

const lab = useContainers();

const map = (
  containerID: number,
  hostID: number,
  size: number,
): Pick<Mount, 'uidMappings' | 'gidMappings'> => ({
  uidMappings: [{ containerID, hostID, size }],
  gidMappings: [{ containerID, hostID: hostID + 1, size }],
});

/** A volume of root's with a mount below, whose files belong to root and to 5:6. */
function volume(): string {
  const path = lab.directory();
  mkdirSync(join(path, 'below'));
  lab.mount(join(path, 'below'), '-t', 'tmpfs', 'below');
  for (const directory of [path, join(path, 'below')]) {
    program('chmod', ['777', directory]);
    writeFileSync(join(directory, 'root'), '');
    writeFileSync(join(directory, 'user'), '');
    chownSync(join(directory, 'user'), 5, 6);
  }
  return path;
}

/** Owners of root's file and of the user's, on the mount and on the one below. */
const OWNERS =
  'cd /mnt && stat -c %u:%g root user below/root below/user && echo && touch new && stat -c %u:%g new';

async function owners(
  options: string[],
  mappings: Pick<Mount, 'uidMappings' | 'gidMappings'>,
  change: Change = () => undefined,
): Promise<{ seen: string[]; made: string; onDisk: string }> {
  const source = volume();
  const inside = await lab.inspect({ owners: OWNERS }, (spec, bundle) => {
    change(spec, bundle);
    spec.mounts?.push({ destination: '/mnt', source, options, ...mappings });
  });
  const [seen = '', made = ''] = inside.owners.split('\n\n');
  const stat = lstatSync(join(source, 'new'), { throwIfNoEntry: false });
  const onDisk = stat === undefined ? 'none' : `${String(stat.uid)}:${String(stat.gid)}`;
  return { seen: seen.split('\n'), made, onDisk };
}

const as =
  (uid: number, gid: number): Change =>
  (spec) => {
    if (spec.process !== undefined) spec.process.user = { uid, gid };
  };

describe('without a user namespace', () => {
  it('nothing is mapped where nothing is asked for', async () => {
    expect(await owners(['rbind'], {})).toEqual({
      seen: ['0:0', '5:6', '0:0', '5:6'],
      made: '0:0',
      onDisk: '0:0',
    });
  });

  it.each(['idmap', 'ridmap'])('%s has the mapping of the mount', async (option) => {
    const below = option === 'ridmap' ? ['2000:2001', '2005:2007'] : ['0:0', '5:6'];
    // The writer has to be one whose ids lead back to the disk.
    expect(await owners(['rbind', option], map(0, 2000, 100), as(2003, 2004))).toEqual({
      seen: ['2000:2001', '2005:2007', ...below],
      made: '2003:2004',
      onDisk: '3:3',
    });
  });

  it('mappings alone ask for it', async () => {
    const { seen } = await owners(['rbind'], map(0, 2000, 100), as(2003, 2004));
    expect(seen).toEqual(['2000:2001', '2005:2007', '0:0', '5:6']);
  });

  it('what has no mapping belongs to nobody', async () => {
    expect(await owners(['rbind', 'ridmap'], map(5, 2005, 1), as(0, 0))).toEqual({
      seen: ['65534:65534', '2005:65534', '65534:65534', '2005:65534'],
      made: 'touch: new: Value too large for defined data type',
      onDisk: 'none',
    });
  });

  it.each<[string, Mount, RegExp]>([
    [
      'without mappings',
      { destination: '/mnt', source: '/usr', options: ['bind', 'idmap'] },
      /\/mounts\/7\/options\/1: needs uidMappings/,
    ],
    [
      'with half of them',
      {
        destination: '/mnt',
        source: '/usr',
        options: ['bind'],
        uidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
      },
      /\/mounts\/7.*gidMappings/,
    ],
    [
      'of a file system that cannot be mapped',
      { destination: '/mnt', source: '/proc', options: ['bind', 'idmap'], ...map(0, 1, 1) },
      /\/mounts\/7.*\/(mnt|proc).*invalid argument/,
    ],
  ])('is refused %s', async (_, mount, message) => {
    const result = await lab.run('true', (spec) => {
      spec.mounts?.push(mount);
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(message);
  });
});

describe('with a user namespace', () => {
  const same = {
    uidMappings: [{ containerID: 0, hostID: HOST_ID, size: 10 }],
    gidMappings: [{ containerID: 0, hostID: HOST_ID, size: 10 }],
  };

  it('the host’s owners are nobody’s without a mapping', async () => {
    const { seen, onDisk } = await owners(['rbind'], {}, inUserNamespace);
    expect(seen).toEqual(Array(4).fill('65534:65534'));
    expect(onDisk).toBe(`${String(HOST_ID)}:${String(HOST_ID)}`);
  });

  it.each(['idmap', 'ridmap'])('%s has the mapping of the container', async (option) => {
    const below = option === 'ridmap' ? ['0:0', '5:6'] : ['65534:65534', '65534:65534'];
    expect(await owners(['rbind', option], {}, inUserNamespace)).toEqual({
      seen: ['0:0', '5:6', ...below],
      made: '0:0',
      onDisk: '0:0',
    });
  });

  it.each(['idmap', 'ridmap'])('%s has the mapping of the mount', async (option) => {
    const below = option === 'ridmap' ? ['0:0', '5:6'] : ['65534:65534', '65534:65534'];
    const { seen } = await owners(['rbind', option], same, inUserNamespace);
    expect(seen).toEqual(['0:0', '5:6', ...below]);
  });

  it('the mapping may be another than the container’s', async () => {
    const other = map(5, HOST_ID + 40, 2);
    const { seen } = await owners(['rbind', 'ridmap'], other, inUserNamespace);
    expect(seen).toEqual(['65534:65534', '40:42', '65534:65534', '40:42']);
  });
});

describe('in a user namespace that is joined', () => {
  const joining =
    (path: string): Change =>
    (spec: Spec, bundle) => {
      inUserNamespace(spec, bundle);
      const { linux } = spec;
      if (linux === undefined) return;
      delete linux.uidMappings;
      delete linux.gidMappings;
      linux.namespaces = (linux.namespaces ?? []).map((namespace) =>
        namespace.type === 'user' ? { type: 'user', path } : namespace,
      );
    };

  it('idmap has its mapping', async () => {
    const holder = await lab.holder(['--user']);
    const line = `0 ${String(HOST_ID)} 65536`;
    writeFileSync(`/proc/${String(holder)}/uid_map`, line);
    writeFileSync(`/proc/${String(holder)}/gid_map`, line);
    expect(
      await owners(['rbind', 'ridmap'], {}, joining(`/proc/${String(holder)}/ns/user`)),
    ).toEqual({ seen: ['0:0', '5:6', '0:0', '5:6'], made: '0:0', onDisk: '0:0' });
  });
});
