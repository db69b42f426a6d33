/** linux.namespaces: new, joined by path, or the host's; id maps, clocks and the loopback device. */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { LinuxNamespaceType } from '../../src/spec/types.js';
import {
  dropNamespace,
  HOST_ID,
  inUserNamespace,
  linuxOf,
  namespaceOf,
  processOf,
  program,
  setNamespace,
  useContainers,
} from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();

/** Type, name in /proc/PID/ns, flag of unshare(1). */
const TYPES: readonly (readonly [LinuxNamespaceType, string, string])[] = [
  ['pid', 'pid', '--pid'],
  ['network', 'net', '--net'],
  ['mount', 'mnt', '--mount'],
  ['ipc', 'ipc', '--ipc'],
  ['uts', 'uts', '--uts'],
  ['cgroup', 'cgroup', '--cgroup'],
  ['time', 'time', '--time'],
  ['user', 'user', '--user'],
];
const FILES = TYPES.map(([, file]) => file);
const LINKS = `for n in ${FILES.join(' ')}; do readlink /proc/self/ns/$n; done`;
const HOST = FILES.map((file) => namespaceOf(file));

/** Those of the container that are the host's. */
function shared(links: string): string[] {
  return FILES.filter((_, index) => links.split('\n')[index] === HOST[index]);
}

describe('namespaces', () => {
  it('are new where they are listed without a path', async () => {
    const first = await lab.inspect({ links: LINKS });
    expect(shared(first.links)).toEqual(['time', 'user']);
    const second = await lab.inspect({ links: LINKS }, (spec, bundle) => {
      setNamespace(spec, 'time');
      inUserNamespace(spec, bundle);
    });
    expect(shared(second.links)).toEqual([]);
    // Not compared with the first container's, which is gone: the kernel gives numbers again.
    expect(new Set(second.links.split('\n')).size).toBe(8);
  });

  it.each(TYPES.filter(([type]) => type !== 'mount' && type !== 'user'))(
    '%s is the host’s where it is not listed',
    async (type, file) => {
      const inside = await lab.inspect({ links: LINKS }, (spec) => {
        dropNamespace(spec, type);
        if (type === 'network' || type === 'cgroup') {
          // A new one could not be seen, and what is mounted is the host's.
          spec.mounts = spec.mounts?.filter((mount) => !mount.destination.startsWith('/sys')) ?? [];
        }
        if (type === 'uts') delete spec.hostname;
      });
      expect(shared(inside.links)).toContain(file);
    },
  );

  it.each(TYPES)('%s is joined by its path', async (type, file, flag) => {
    const flags = type === 'pid' || type === 'time' ? [flag, '--fork'] : [flag];
    const holder = await lab.holder(flags);
    const path = `/proc/${String(holder)}/ns/${file}`;
    if (type === 'user') mapIds(holder);
    const inside = await lab.inspect({ links: LINKS }, (spec, bundle) => {
      if (type === 'user') {
        inUserNamespace(spec, bundle);
        delete spec.linux?.uidMappings;
        delete spec.linux?.gidMappings;
      }
      setNamespace(spec, type, path);
    });
    const joined = namespaceOf(file, holder);
    expect(HOST).not.toContain(joined);
    expect(inside.links.split('\n')[FILES.indexOf(file)]).toBe(joined);
    expect(shared(inside.links)).not.toContain(file);
  });

  it('clocks are not set through the /proc of a joined mount namespace', async () => {
    const directory = lab.directory();
    mkdirSync(join(directory, 'self'));
    const file = join(directory, 'self/timens_offsets');
    writeFileSync(file, '');
    const holder = await lab.holder([
      '--mount',
      'sh',
      '-c',
      `mount --bind ${directory} /proc && exec "$@"`,
      'sh',
    ]);
    const result = await lab.run('true', (spec) => {
      setNamespace(spec, 'mount', `/proc/${String(holder)}/ns/mnt`);
      setNamespace(spec, 'time');
      linuxOf(spec).timeOffsets = { monotonic: { secs: 5 } };
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('/proc/self/timens_offsets: ');
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  it('are joined all at once, with the user namespace that they belong to', async () => {
    const types = TYPES.filter(([type]) => type !== 'mount');
    const holder = await lab.holder([
      `--map-users=0:${String(HOST_ID)}:65536`,
      `--map-groups=0:${String(HOST_ID)}:65536`,
      '--fork',
      ...types.map(([, , flag]) => flag),
    ]);
    const inside = await lab.inspect(
      { links: LINKS, pids: 'ls -d /proc/[0-9]* | wc -l', id: 'id -u', name: 'hostname' },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        delete spec.linux?.uidMappings;
        delete spec.linux?.gidMappings;
        for (const [type, file] of types) {
          setNamespace(spec, type, `/proc/${String(holder)}/ns/${file}`);
        }
      },
    );
    const links = inside.links.split('\n');
    for (const [type, file] of types) {
      expect(links[FILES.indexOf(file)], type).toBe(namespaceOf(file, holder));
    }
    expect(inside.id).toBe('0');
    expect(inside.name).toBe('tsrun-test');
    expect(Number(inside.pids)).toBeGreaterThan(2);
  });

  it('of another container are joined, its processes seen', async () => {
    const other = lab.bundle('sleep 1000');
    const id = newId();
    const runtime = lab.runtime();
    lab.cleanup(async () => {
      expect((await runtime(['delete', '--force', id])).status).toBe(0);
    });
    const created = await runtime(['run', '--detach', '--bundle', other.path, id], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    expect(created.status).toBe(0);
    const state = JSON.parse((await runtime(['state', id])).stdout) as { pid: number };
    const inside = await lab.inspect(
      { links: LINKS, first: 'cat /proc/1/comm', me: 'test $$ != 1 && echo not the first' },
      (spec) => {
        delete spec.hostname;
        for (const [type, file] of TYPES.slice(0, 6)) {
          if (type !== 'mount') setNamespace(spec, type, `/proc/${String(state.pid)}/ns/${file}`);
        }
      },
    );
    const links = inside.links.split('\n');
    for (const file of ['pid', 'net', 'ipc', 'uts', 'cgroup']) {
      expect(links[FILES.indexOf(file)]).toBe(namespaceOf(file, state.pid));
    }
    expect(inside.first).toBe('sleep');
    expect(inside.me).toBe('not the first');
  });

  it('may be the host’s by path', async () => {
    const inside = await lab.inspect({ links: LINKS, host: 'hostname' }, (spec) => {
      delete spec.hostname;
      setNamespace(spec, 'uts', '/proc/self/ns/uts');
      setNamespace(spec, 'ipc', `/proc/${String(process.pid)}/ns/ipc`);
    });
    expect(shared(inside.links)).toEqual(['ipc', 'uts', 'time', 'user']);
    expect(inside.host).toBe(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  });

  it.each([
    ['missing', '/proc/self/ns/nothing', /no such file or directory/],
    ['of another type', `/proc/${String(process.pid)}/ns/ipc`, /not a network namespace/],
    ['no namespace', '/etc/passwd', /not a network namespace/],
  ])('that are %s are refused', async (_, path, message) => {
    const result = await lab.run('true', (spec) => {
      setNamespace(spec, 'network', path);
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/linux\/namespaces\/5/);
    expect(result.stderr).toMatch(message);
  });

  it('are not opened when they are a fifo, which would wait for ever', async () => {
    const result = await lab.run(
      'true',
      (spec, { path }) => {
        program('mkfifo', [join(path, 'fifo')]);
        setNamespace(spec, 'network', join(path, 'fifo'));
      },
      { prefix: ['timeout', '-s', 'KILL', '20'] },
    );
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/linux\/namespaces\/5: .*not a network namespace/);
  });

  it('may be bind mounts', async () => {
    const pid = await lab.holder(['--net']);
    const target = join(lab.directory(), 'net');
    writeFileSync(target, '');
    lab.mount(target, '--bind', `/proc/${String(pid)}/ns/net`);
    const inside = await lab.inspect({ net: 'readlink /proc/self/ns/net' }, (spec) => {
      setNamespace(spec, 'network', target);
    });
    expect(inside.net).toBe(namespaceOf('net', pid));
  });
});

describe('the pid namespace', () => {
  it('has the program as its first process', async () => {
    const inside = await lab.inspect({ pid: 'echo $$', all: 'ls -d /proc/[0-9]*' });
    expect(inside.pid).toBe('1');
    expect(inside.all.split('\n')[0]).toBe('/proc/1');
  });

  it('of the host ends with the container all the same', async () => {
    const result = await lab.run('sleep 1000 & echo $! $$', (spec) => {
      dropNamespace(spec, 'pid');
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const [left = 0, own = 0] = result.stdout.split(' ').map(Number);
    expect(own).toBeGreaterThan(1);
    // Killed; whoever inherited it may not have asked for its status yet.
    expect(stateOf(left)).toMatch(/^(gone|Z)$/);
  });
});

describe('the network namespace', () => {
  const LO = { lo: 'ip addr show lo', all: 'ls /sys/class/net' };

  it('has the loopback device up when it is new', async () => {
    const inside = await lab.inspect(LO);
    expect(inside.lo).toMatch(/<LOOPBACK,UP,LOWER_UP>/);
    expect(inside.lo).toContain('inet 127.0.0.1/8');
    expect(inside.all).toBe('lo');
  });

  it('is left alone when it is joined', async () => {
    const holder = await lab.holder(['--net']);
    const inside = await lab.inspect(LO, (spec) => {
      setNamespace(spec, 'network', `/proc/${String(holder)}/ns/net`);
    });
    expect(inside.lo).toMatch(/<LOOPBACK>/);
  });
});

describe('the user namespace', () => {
  const WHO = {
    maps: 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups | tr -s " "',
    id: 'id -u; id -g; id -G',
    write: 'cd /tmp && touch file && stat -c %u:%g file',
  };

  it('has the mappings of the configuration, and the process its user', async () => {
    let file = '';
    const inside = await lab.inspect(WHO, (spec, bundle) => {
      inUserNamespace(spec, bundle);
      const linux = linuxOf(spec);
      linux.uidMappings?.push({ containerID: 70_000, hostID: 200_000, size: 3 });
      linux.gidMappings = [
        { containerID: 0, hostID: HOST_ID + 5, size: 10 },
        { containerID: 1000, hostID: 300_000, size: 1000 },
      ];
      processOf(spec).user = { uid: 1000, gid: 1001, additionalGids: [1001, 7, 1500] };
      spec.root = { path: 'rootfs' };
      program('chmod', ['777', join(bundle.rootfs, 'tmp')]);
      file = join(bundle.rootfs, 'tmp/file');
    });
    const lines = inside.maps.split('\n').map((line) => line.trim());
    expect(lines).toEqual([
      `0 ${String(HOST_ID)} 65536`,
      '70000 200000 3',
      `0 ${String(HOST_ID + 5)} 10`,
      '1000 300000 1000',
      'allow',
    ]);
    expect(inside.id).toBe('1000\n1001\n1001 7 1500');
    expect(inside.write).toBe('1000:1001');
    expect(statSync(file)).toMatchObject({ uid: HOST_ID + 1000, gid: 300_001 });
  });

  it('gives its root all of what the configuration grants, over its own namespaces', async () => {
    const inside = await lab.inspect(
      { caps: 'grep Cap /proc/self/status', name: 'hostname other && hostname' },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        const names = ['CAP_SYS_ADMIN', 'CAP_SYS_TIME'];
        processOf(spec).capabilities = { bounding: names, effective: names, permitted: names };
      },
    );
    expect(inside.caps).toMatch(/CapEff:\s0000000002200000/);
    expect(inside.name).toBe('other');
  });
});

describe('linux.timeOffsets', () => {
  it('move the clocks of a new time namespace', async () => {
    const inside = await lab.inspect(
      { offsets: 'cat /proc/self/timens_offsets | tr -s " "', up: 'cat /proc/uptime' },
      (spec) => {
        setNamespace(spec, 'time');
        linuxOf(spec).timeOffsets = {
          monotonic: { secs: 86_400, nanosecs: 5 },
          boottime: { secs: 1_000_000 },
        };
      },
    );
    expect(inside.offsets).toBe('monotonic 86400 5\nboottime 1000000 0');
    const host = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const moved = Number(inside.up.split(' ')[0]) - host;
    expect(moved).toBeGreaterThan(999_900);
    expect(moved).toBeLessThanOrEqual(1_000_000);
  });

  it('may go back, and work in a user namespace', async () => {
    const inside = await lab.inspect(
      { offsets: 'cat /proc/self/timens_offsets | tr -s " "', up: 'cat /proc/uptime' },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        setNamespace(spec, 'time');
        linuxOf(spec).timeOffsets = { boottime: { secs: -10 } };
      },
    );
    expect(inside.offsets).toBe('monotonic 0 0\nboottime -10 0');
    const host = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    expect(Number(inside.up.split(' ')[0])).toBeLessThan(host - 9);
  });

  it.each([
    ['without a time namespace', undefined, { secs: 1 }, /\/linux\/timeOffsets/],
    [
      'that the kernel refuses',
      'new',
      { secs: -1_000_000_000 },
      /\/linux\/timeOffsets.*(range|invalid)/,
    ],
  ] as const)('are refused %s', async (_, time, monotonic, message) => {
    const result = await lab.run('true', (spec) => {
      if (time !== undefined) setNamespace(spec, 'time');
      linuxOf(spec).timeOffsets = { monotonic };
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(message);
  });
});

function stateOf(pid: number): string {
  try {
    return /\) (.)/.exec(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'))?.[1] ?? '';
  } catch {
    return 'gone';
  }
}

function mapIds(pid: number): void {
  for (const file of ['uid_map', 'gid_map']) {
    writeFileSync(`/proc/${String(pid)}/${file}`, `0 ${String(HOST_ID)} 65536`);
  }
}
