import type { Spec } from '../../../src/spec/types.js';

/** A valid spec to be changed, much as `runc spec` writes it. */
export function validSpec() {
  return {
    ociVersion: '1.3.0',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/bin', 'TERM=xterm'],
      cwd: '/',
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'box',
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [
        { type: 'pid' },
        { type: 'network' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
      ],
      maskedPaths: ['/proc/kcore'],
      readonlyPaths: ['/proc/sys'],
    },
  } satisfies Spec;
}

/** A change: the JSON pointer of a member and its new value; undefined removes it. */
export type Change = [pointer: string, value: unknown];

/** A copy of the valid spec with changes; `-` at the end of a pointer appends to an array. */
export function changedSpec(...changes: Change[]): unknown {
  const spec: unknown = validSpec();
  for (const [pointer, value] of changes) {
    const path = pointer.split('/').slice(1);
    const last = String(path.pop()).replace(/~1/g, '/');
    let parent = spec as Record<string, unknown>;
    for (const name of path) parent = (parent[name] ??= {}) as Record<string, unknown>;
    if (last === '-') (parent as unknown as unknown[]).push(value);
    else if (value === undefined) Reflect.deleteProperty(parent, last);
    else parent[last] = value;
  }
  return spec;
}

/** Adds a namespace to the valid spec. */
export function withNamespace(type: string, path?: string): Change {
  return ['/linux/namespaces/-', path === undefined ? { type } : { type, path }];
}

/** Adds a new user namespace with mappings to the valid spec. */
export function withUserNamespace(): Change[] {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  return [
    withNamespace('user'),
    ['/linux/uidMappings', mappings],
    ['/linux/gidMappings', mappings],
  ];
}
