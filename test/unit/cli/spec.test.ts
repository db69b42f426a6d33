import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../../../src/cli/commands/spec.js';
import type { Context } from '../../../src/cli/context.js';
import { defaultConfig, forRootless } from '../../../src/cli/spec/default-config.js';
import { features } from '../../../src/features.js';
import { validateSpec } from '../../../src/spec/validate.js';
import { VERSION } from '../../../src/version.js';
import { validate as validFeatures } from '../../../spec/generated/validate-features.js';
import { fakeSystem } from './fake.js';

/** What the caller of fakeSystem() gets. */
function rootlessConfig(cgroupNamespace: boolean, uid: number, gid: number) {
  const own = { containerID: 0, size: 1 };
  return forRootless(defaultConfig(cgroupNamespace), {
    uidMappings: [{ ...own, hostID: uid }],
    gidMappings: [{ ...own, hostID: gid }],
  });
}

test.each([
  ['default', defaultConfig(false)],
  ['with a cgroup namespace', defaultConfig(true)],
  ['rootless', rootlessConfig(false, 1000, 100)],
  ['rootless with a cgroup namespace', rootlessConfig(true, 1000, 100)],
])('the configuration is valid: %s', (_, config) => {
  expect(validateSpec(JSON.parse(JSON.stringify(config)))).toEqual([]);
});

test('a cgroup namespace is there where it is of use', () => {
  expect(defaultConfig(true).linux.namespaces).toContainEqual({ type: 'cgroup' });
  expect(defaultConfig(false).linux.namespaces).not.toContainEqual({ type: 'cgroup' });
});

test('rootless maps the caller and asks for nothing that it may not have', () => {
  const config = rootlessConfig(true, 1000, 100);
  expect(config.linux.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
  expect(config.linux.gidMappings).toEqual([{ containerID: 0, hostID: 100, size: 1 }]);
  const types = config.linux.namespaces.map(({ type }) => type);
  expect(types).toContain('user');
  // Nobody has asked for the network of the host.
  expect(types).toContain('network');
  expect(config.linux.resources).toBeUndefined();
  const options = config.mounts.flatMap((mount) => mount.options ?? []);
  expect(options).not.toContain('gid=5');
  expect(config.mounts.find(({ destination }) => destination === '/sys')?.type).toBe('sysfs');
});

test('spec takes an empty bundle for the current directory', async () => {
  const fake = fakeSystem();
  expect(await run({ native: fake.native } as Context, { bundle: '' }, [])).toBe(0);
  expect([...fake.files.keys()]).toEqual(['/cwd/config.json']);
});

test('spec writes config.json, and not over one', async () => {
  const fake = fakeSystem();
  const context = { native: fake.native } as Context;
  expect(await run(context, { bundle: '/b' }, [])).toBe(0);
  const text = fake.files.get('/b/config.json')!;
  expect(JSON.parse(text)).toEqual(defaultConfig(false));
  expect(text).toContain('\n\t"process": {');
  expect(fake.stdout()).toBe('');
  await expect(run(context, { bundle: '/b' }, [])).rejects.toThrow(
    'file /b/config.json exists. Remove it first',
  );
  await run(context, { rootless: true }, []);
  expect(JSON.parse(fake.files.get('/cwd/config.json')!)).toEqual(rootlessConfig(false, 1000, 100));
  await expect(run(context, {}, [])).rejects.toThrow('file config.json exists. Remove it first');
});

test('spec leaves no half a file', async () => {
  const unlinked: string[] = [];
  const fake = fakeSystem({
    write: () => -28,
    unlink: (path) => {
      unlinked.push(path);
      return 0;
    },
  });
  await expect(run({ native: fake.native } as Context, {}, [])).rejects.toThrow(
    'cannot write config.json: error 28',
  );
  expect(unlinked).toEqual(['config.json']);
});

test('features is a valid document and tells what containerd asks for', () => {
  const document = features();
  expect(validFeatures(document)).toBe(true);
  expect(document.mountOptions).toContain('rro');
  expect(document.linux?.mountExtensions?.idmap?.enabled).toBe(true);
  expect(document.linux?.namespaces).toContain('user');
});

test('the version is that of the package', () => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  expect((JSON.parse(text) as { version: string }).version).toBe(VERSION);
});
