/** The mount option tmpcopyup: a tmpfs that begins with what it covers. */

import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Mount } from '../../src/spec/types.js';
import {
  grant,
  HOST_ID,
  inUserNamespace,
  mountAt,
  parseMountInfo,
  program,
  useContainers,
} from '../support/inside.js';

const lab = useContainers();
const MOUNTS = 'cat /proc/self/mountinfo';

describe('tmpcopyup', () => {
  const tmpfs: Mount = { destination: '/data', type: 'tmpfs', options: ['tmpcopyup', 'nodev'] };

  it('refuses a tree that is deeper than 64 directories', async () => {
    for (const [depth, status] of [
      [64, 0],
      [66, 1],
    ] as const) {
      const result = await lab.run('true', (spec, { rootfs }) => {
        mkdirSync(join(rootfs, `data${'/d'.repeat(depth)}`), { recursive: true });
        spec.mounts?.push(tmpfs);
      });
      expect(result).toMatchObject({ status });
      if (status !== 0) expect(result.stderr).toContain('too many levels of symbolic links');
    }
  });

  it('copies files, owners, modes, times and links, and leaves the image alone', async () => {
    let data = '';
    const inside = await lab.inspect(
      {
        mounts: MOUNTS,
        stat: 'cd /data && stat -c "%n %a %u %g %F" . file dir dir/inner setuid fifo link',
        link: 'readlink /data/link; readlink /data/dangling',
        content: 'cat /data/file /data/dir/inner; stat -c %Y /data/file; stat -c %Y /data/dir',
        hole: 'stat -c %s /data/large; tail -c 4 /data/large',
        change: 'rm -r /data/dir && echo new > /data/file && cat /data/file',
      },
      (spec, { rootfs }) => {
        data = join(rootfs, 'data');
        mkdirSync(join(data, 'dir'), { recursive: true });
        writeFileSync(join(data, 'file'), 'content\n', { mode: 0o640 });
        chownSync(join(data, 'file'), 11, 12);
        utimesSync(join(data, 'file'), 1_000_000, 2_000_000);
        writeFileSync(join(data, 'dir/inner'), 'inner\n');
        chmodSync(join(data, 'dir/inner'), 0o600);
        chownSync(join(data, 'dir'), 13, 14);
        chmodSync(join(data, 'dir'), 0o2750);
        utimesSync(join(data, 'dir'), 1_000_000, 3_000_000);
        writeFileSync(join(data, 'setuid'), '');
        chownSync(join(data, 'setuid'), 15, 15);
        chmodSync(join(data, 'setuid'), 0o4711);
        program('mkfifo', ['-m', '622', join(data, 'fifo')]);
        symlinkSync('file', join(data, 'link'));
        symlinkSync('/no/where', join(data, 'dangling'));
        linkSync(join(data, 'file'), join(data, 'hard'));
        writeFileSync(join(data, 'large'), '');
        truncateSync(join(data, 'large'), 5_000_000);
        writeFileSync(join(data, 'large'), 'end!', { flag: 'a' });
        chownSync(data, 16, 17);
        chmodSync(data, 0o751);
        spec.mounts?.push(tmpfs);
        grant(spec, 'CAP_DAC_OVERRIDE');
      },
    );
    expect(mountAt(parseMountInfo(inside.mounts), '/data')).toMatchObject({
      type: 'tmpfs',
      options: ['rw', 'nodev', 'relatime'],
    });
    expect(inside.stat.split('\n')).toEqual([
      // Its own directory is the container's, as with runc; the mode is the covered one's.
      '. 751 0 0 directory',
      'file 640 11 12 regular file',
      'dir 2750 13 14 directory',
      'dir/inner 600 0 0 regular file',
      'setuid 4711 15 15 regular empty file',
      'fifo 622 0 0 fifo',
      'link 777 0 0 symbolic link',
    ]);
    expect(inside.link).toBe('file\n/no/where');
    expect(inside.content).toBe('content\ninner\n2000000\n3000000');
    expect(inside.hole).toBe('5000004\nend!');
    expect(inside.change).toBe('new');
    expect(readFileSync(join(data, 'file'), 'utf8')).toBe('content\n');
    expect(readFileSync(join(data, 'dir/inner'), 'utf8')).toBe('inner\n');
  });

  it('is read-only afterwards where asked for, and empty where nothing was', async () => {
    const inside = await lab.inspect(
      { ro: 'cat /data/file; touch /data/x', empty: 'ls /fresh; stat -c %a /fresh' },
      (spec, { rootfs }) => {
        mkdirSync(join(rootfs, 'data'));
        writeFileSync(join(rootfs, 'data/file'), 'here\n');
        spec.mounts?.push(
          { ...tmpfs, options: ['tmpcopyup', 'ro'] },
          { ...tmpfs, destination: '/fresh', options: ['tmpcopyup', 'mode=700'] },
        );
      },
    );
    expect(inside.ro).toBe('here\ntouch: /data/x: Read-only file system');
    expect(inside.empty).toBe('700');
  });

  it('keeps the owners that a user namespace has', async () => {
    const inside = await lab.inspect(
      { stat: 'stat -c "%u %g" /data /data/file' },
      (spec, bundle) => {
        mkdirSync(join(bundle.rootfs, 'data'));
        writeFileSync(join(bundle.rootfs, 'data/file'), '');
        inUserNamespace(spec, bundle);
        chownSync(join(bundle.rootfs, 'data/file'), HOST_ID + 3, HOST_ID + 4);
        spec.mounts?.push(tmpfs);
      },
    );
    expect(inside.stat).toBe('0 0\n3 4');
  });

  // Some of /proc waits for somebody to write, some has no end; no mask would lie on a copy of /sys.
  it.each(['/sys', '/proc'])(
    'copies nothing of the kernel, where a link leads there: %s',
    async (place) => {
      const result = await lab.run('true', (spec, { rootfs }) => {
        symlinkSync(place, join(rootfs, 'data'));
        spec.mounts?.push(tmpfs);
      });
      expect(result).toMatchObject({ status: 1, stdout: '' });
      expect(result.stderr).toMatch(
        /cannot mount tmpfs on \/data: (\/data is not a directory of its own|what is on \/data is not)/,
      );
    },
  );

  it('fails where the file system is too small', async () => {
    const result = await lab.run('true', (spec, { rootfs }) => {
      mkdirSync(join(rootfs, 'data'));
      writeFileSync(join(rootfs, 'data/file'), Buffer.alloc(1 << 20));
      spec.mounts?.push({ ...tmpfs, options: ['tmpcopyup', 'size=64k'] });
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/mounts\/7.*file.*no space left on device/);
  });
});
