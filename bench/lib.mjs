// What the benchmarks share: the view of the cgroups, the bundle, the numbers.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Debian's crun refuses a hybrid cgroup layout. So that every runtime sees the
 * same, a pure cgroup v2 tree, this program starts itself again in a mount
 * namespace of its own where /sys/fs/cgroup is the v2 hierarchy. The host's
 * mounts stay as they are.
 */
export function enterCgroup2View() {
  const entered = 'TSRUN_BENCH_VIEW';
  if (process.env[entered] === '1' || !existsSync('/sys/fs/cgroup/unified/cgroup.procs')) return;
  const script = `set -e
    aside=$(mktemp -d)
    mount --bind /sys/fs/cgroup/unified "$aside"
    umount -l /sys/fs/cgroup
    mount --move "$aside" /sys/fs/cgroup
    rmdir "$aside"
    exec "$@"`;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status, error } = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...self],
    { stdio: 'inherit', env: { ...process.env, [entered]: '1' } },
  );
  if (error) throw error;
  process.exit(status ?? 1);
}

/** Ends the program with a message that a person can act on. */
export function die(message) {
  console.error(message);
  process.exit(1);
}

/** Whether a program of that name can be run. */
export function installed(name) {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** A directory that is gone when the program ends. */
export function workDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-bench.'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  return directory;
}

/** A bundle with runc's default configuration that runs `args` of busybox. */
export function makeBundle(directory, args) {
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path));
  if (busybox === undefined) die('busybox is missing: scripts/setup.sh test installs it');
  mkdirSync(join(directory, 'rootfs/bin'), { recursive: true });
  cpSync(busybox, join(directory, 'rootfs/bin/busybox'), { dereference: true });
  for (const name of ['sh', 'true', 'sleep']) {
    symlinkSync('busybox', join(directory, 'rootfs/bin', name));
  }
  const made = spawnSync('runc', ['spec'], { cwd: directory, encoding: 'utf8' });
  if (made.status !== 0) die(`runc spec failed: ${made.error?.message ?? made.stderr}`);
  const file = join(directory, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.process.terminal = false;
  config.process.args = args;
  writeFileSync(file, JSON.stringify(config));
  return directory;
}

/** Milliseconds on a clock that does not jump. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function rest(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The list, beginning at its element `n`: who comes first changes from round to round. */
export function rotate(list, n) {
  const start = n % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** Prints rows of equal length, numbers right-aligned. */
export function printTable(header, rows) {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    console.log(
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
        )
        .join('  '),
    );
  }
}

export function milliseconds(value) {
  return value === undefined ? '-' : value.toFixed(2);
}

export function ratio(value, other) {
  return value === undefined || other === undefined ? '-' : (value / other).toFixed(2);
}
