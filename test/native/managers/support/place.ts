/**
 * A place on this machine for container managers: namespaces of its own, in which
 * cgroup v2 is all there is, with directories for their state that are in memory.
 * When its script ends, everything that ran there is killed.
 */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach } from 'vitest';

import { makeRootfs } from '../../../support/bundle.js';
import { COMMAND, runProgram } from '../../../support/tsrun.js';
import type { Place } from '../../../vm/managers/support/operations.js';
import { RESULTS, formatResults, readResults } from '../../../vm/managers/support/results.js';

const HERE = dirname(fileURLToPath(import.meta.url));

/** Of whom the place has a home, ranges of ids and, in `/run/as-user`, a shell. */
export const UID = 34567;

const NEEDED = ['/usr/bin/script', '/usr/bin/newuidmap'];

const GUEST = join(HERE, '../../../vm/guest');

/** For `prepare`: root's image `busybox`, and the user's. */
export const IMPORT =
  'tar -C /run/rootfs -c . | podman import - localhost/busybox >/dev/null 2>&1 || exit';

export const IMPORT_OF_USER = `echo '${IMPORT}' >/run/import; /run/as-user /run/import`;

const TIMEOUT_S = 120;

interface Options {
  /** Tests are skipped, with the reason, where one is not there. */
  programs: readonly string[];
  /** A shell script that comes before each other one. */
  prepare?: string;
  /** A program of test/vm/guest/ that the images have in /bin. */
  compile?: string;
}

/** For the top of a test file. */
export function usePlace({ programs, prepare = '', compile }: Options): Place {
  const missing = [...NEEDED, ...programs].find((program) => !existsSync(program));
  beforeEach((context) => {
    context.skip(process.getuid?.() !== 0, 'needs root');
    const onNode = COMMAND[0] === process.execPath;
    context.skip(onNode, 'managers call the executable (scripts/test-executable.sh)');
    context.skip(missing !== undefined, `needs ${missing ?? ''} (scripts/setup.sh installs it)`);
  });
  let directory = '';
  let counter = 0;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tsrun-managers-'));
    process.env[RESULTS] = join(directory, 'results');
    chmodSync(directory, 0o755);
    makeRootfs(join(directory, 'rootfs'));
    if (compile !== undefined) {
      const file = join(directory, 'rootfs/bin', compile);
      execFileSync('cc', ['-static', '-O1', '-o', file, join(GUEST, `${compile}.c`)]);
    }
    const command = COMMAND.map((word) => `'${word}'`).join(' ');
    writeFileSync(join(directory, 'tsrun'), `#!/bin/busybox sh\nexec ${command} "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(
      join(directory, 'containers.conf'),
      readFileSync('packaging/containers.conf', 'utf8').replaceAll(
        '/usr/bin/tsrun',
        join(directory, 'tsrun'),
      ),
    );
  });
  afterAll(() => {
    const table = formatResults(readResults(join(directory, 'results')));
    if (table !== '') console.log(`Operations of managers on this machine:\n${table}`);
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    write: (name, contents) => {
      writeFileSync(join(directory, name), contents);
      return join(directory, name);
    },
    run: async (script) => {
      counter += 1;
      const name = `tsrun-managers-${process.pid}-${counter}`;
      const cgroup = makeCgroup(name);
      try {
        const kill = ['timeout', '--signal=KILL', TIMEOUT_S.toString()];
        const enter = [...kill, join(HERE, 'enter'), directory, cgroup, UID.toString()];
        const { status, stdout, stderr } = await runProgram([
          ...enter,
          `${prepare}
${script}`,
        ]);
        return { status: status ?? NaN, stdout, stderr };
      } finally {
        await removeCgroup(cgroup);
      }
    },
  };
}

function makeCgroup(name: string): string {
  const v2 = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1] ?? '';
  const cgroup = join(v2, name);
  mkdirSync(cgroup);
  return cgroup;
}

/** Of processes that were killed it is not free until the kernel has done away with the last one. */
async function removeCgroup(cgroup: string): Promise<void> {
  writeFileSync(join(cgroup, 'cgroup.kill'), '1');
  const events = join(cgroup, 'cgroup.events');
  while (readFileSync(events, 'utf8').includes('populated 1')) await setTimeout(5);
  const remove = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) remove(join(path, entry.name));
    }
    rmdirSync(path);
  };
  remove(cgroup);
}
