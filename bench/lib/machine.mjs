// What the numbers are from.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, release, totalmem } from 'node:os';
import { versionOf } from './programs.mjs';

const field = (file, pattern) => pattern.exec(readFileSync(file, 'utf8'))?.[1] ?? 'unknown';

function packageVersion(name) {
  try {
    return execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return 'unknown';
  }
}

/** Which start the executable has: native/quickjs/start.cmake decides about it. */
const startOf = (file) =>
  readFileSync(file).includes('started without CPUID')
    ? 'its own, without CPUID'
    : "the C library's, with its CPUIDs";

/** Names and values, in the order in which they are shown. */
export function describeMachine(commands, root) {
  const git = (...args) => versionOf('git', '-C', root, ...args);
  const changed = git('status', '--porcelain', '-uno') === '' ? '' : ', with changes';
  const cpu = field('/proc/cpuinfo', /^model name\s*: (.*)$/m);
  return {
    Date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    tsrun: `commit ${git('rev-parse', '--short', 'HEAD')}${changed}, ${statSync(commands.tsrun[0]).size} bytes`,
    Start: startOf(commands.tsrun[0]),
    QuickJS: packageVersion('libquickjs'),
    Node: process.version,
    crun: `${versionOf(commands.crun[0], '--version')} (Debian ${packageVersion('crun')})`,
    runc: `${versionOf(commands.runc[0], '--version')} (Debian ${packageVersion('runc')})`,
    Machine: `${availableParallelism()} processors (${cpu}), ${Math.round(totalmem() / 2 ** 30)} GiB`,
    Kernel: release(),
    System: field('/etc/os-release', /^PRETTY_NAME="(.*)"$/m),
    'Load before': loadavg()[0].toFixed(2),
  };
}
