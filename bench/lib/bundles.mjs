// The containers that are measured.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** busybox, and the directories that the mounts of the configuration go to. */
export function makeRootfs(path) {
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((file) => existsSync(file));
  if (busybox === undefined) throw new Error('no busybox: scripts/setup.sh test installs it');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'mnt']) {
    mkdirSync(join(path, name), { recursive: true });
  }
  cpSync(busybox, join(path, 'bin/busybox'), { dereference: true });
  for (const name of ['sh', 'true', 'sleep']) symlinkSync('busybox', join(path, 'bin', name));
}

/** What `runc spec` writes, for a program without a terminal. */
export function defaultConfig(directory) {
  const made = spawnSync('runc', ['spec'], { cwd: directory, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`runc spec: ${made.error?.message ?? made.stderr}`);
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  config.process.terminal = false;
  // Ambient needs inheritable, which is empty: tsrun would warn of it at each run.
  delete config.process.capabilities.ambient;
  return config;
}

/** Whether there is a cgroup namespace is for the row to say: runc decides by the host. */
export function withCgroupNamespace(config, wanted) {
  const rest = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
  config.linux.namespaces = wanted ? [...rest, { type: 'cgroup' }] : rest;
}

/** A bundle; `change` edits the configuration. */
export function makeBundle(path, args, change = () => {}) {
  makeRootfs(join(path, 'rootfs'));
  const config = defaultConfig(path);
  config.process.args = args;
  withCgroupNamespace(config, true);
  change(config, path);
  writeFileSync(join(path, 'config.json'), JSON.stringify(config));
  return path;
}

/** Binds `count` directories of the bundle's over some below /mnt. */
export function bindMounts(count) {
  return (config, path) => {
    for (let i = 0; i < count; i += 1) {
      const [source, inside] = [join(path, 'source', `${i}`), join(path, 'rootfs/mnt', `${i}`)];
      mkdirSync(source, { recursive: true });
      mkdirSync(inside, { recursive: true });
      const options = ['rbind', 'nosuid', 'nodev', i % 2 === 0 ? 'ro' : 'rw'];
      config.mounts.push({ destination: `/mnt/${i}`, type: 'bind', source, options });
    }
  };
}

/** No network, uts and ipc namespaces: of a thousand containers the kernel would need long. */
export function fewNamespaces(config) {
  config.linux.namespaces = [{ type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }];
  delete config.hostname;
  config.mounts = config.mounts.filter(({ type }) => type !== 'mqueue' && type !== 'sysfs');
  config.mounts = config.mounts.filter(({ type }) => type !== 'cgroup');
}
