// What ./scripts/test runs by turns, a part of it each day (the number of days since 1970, modulo the
// parts); ./scripts/test whole runs all of it.

import { readdirSync } from 'node:fs';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The part of `parts` whose turn it is. */
export const turnOf = (parts, now = Date.now()) => Math.floor(now / DAY_MS) % parts;

const MANAGERS = 'test/vm/managers';

/** Files of test/vm/managers/, in parts that take equally long. */
export const MANAGER_PARTS = [
  ['podman-rootless', 'buildah', 'docker-users'],
  ['podman-rootless-pods', 'podman-life', 'podman-build'],
  ['docker', 'podman-groups', 'docker-many'],
  ['podman-options', 'containerd', 'cri', 'cri-security', 'conmon', 'umoci'],
];

/** Patterns of the manager tests whose turn it is not, for --exclude. */
export const otherManagers = (part = turnOf(MANAGER_PARTS.length)) =>
  MANAGER_PARTS.flatMap((names, index) =>
    index === part ? [] : names.map((name) => `${MANAGERS}/${name}.test.ts`),
  );

/** Tests of test/native/ that only the run on Node has; scripts/test-executable.sh names them too. */
export const NODE_ALONE = [
  ...['package', 'packages', 'prebuilt', 'bench', 'command-lines', 'executable', 'start'],
  ...['relink', 'migrating'],
];

const NODE_PARTS = 3;

/**
 * Patterns of the native tests whose turn it is not on Node, for --exclude: the executable runs all of
 * them each day, on the same core.
 */
export function otherNative(part = turnOf(NODE_PARTS)) {
  const files = readdirSync('test/native')
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => !NODE_ALONE.includes(name.slice(0, -'.test.ts'.length)));
  return files
    .sort()
    .flatMap((name, index) => (index % NODE_PARTS === part ? [] : [`test/native/${name}`]));
}
