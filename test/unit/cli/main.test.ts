import { describe, expect, test } from 'vitest';
import { main } from '../../../src/cli/main.js';
import { parse } from '../../../src/cli/parse.js';
import { features } from '../../../src/features.js';
import { VERSION } from '../../../src/version.js';
import { fakeSystem } from './fake.js';

async function tsrun(line: string) {
  const fake = fakeSystem();
  const host = { native: fake.native, environment: { XDG_RUNTIME_DIR: '/run/user/1000' } };
  const status = await main(host, parse(line.split(' ')));
  return { status, stdout: fake.stdout(), stderr: fake.stderr(), files: fake.files };
}

test('--version', async () => {
  const { status, stdout, stderr } = await tsrun('--version');
  expect(status).toBe(0);
  expect(stderr).toBe('');
  const lines = stdout.split('\n');
  expect(lines[0]).toBe(`tsrun version ${VERSION}`);
  expect(lines[1]).toMatch(/^commit: \S+$/);
  expect(lines[2]).toBe('spec: 1.3.0');
});

test('help goes to standard output and is no failure', async () => {
  for (const line of ['--help', 'help', 'help create', 'checkpoint --help', 'create -h']) {
    const { status, stdout, stderr } = await tsrun(line);
    expect([line, status, stderr]).toEqual([line, 0, '']);
    expect(stdout).toContain('Usage: tsrun');
  }
});

test('features prints the document alone', async () => {
  const { status, stdout, stderr } = await tsrun('features');
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual(
    features({ seccompFlagWorks: () => true, seccompVersion: () => '0.0.0' }),
  );
});

describe('failures', () => {
  test('a wrong line is one line, and one object in the log', async () => {
    const { status, stdout, stderr, files } = await tsrun(
      '--log /log --log-format json create --nope c1',
    );
    const message = 'create: unknown option --nope (see tsrun create --help)';
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toBe(`${message}\n`);
    expect(JSON.parse(files.get('/log')!)).toMatchObject({ level: 'error', msg: message });
  });

  test('what podman probes restore with', async () => {
    const { status, stderr } = await tsrun('restore --lsm-mount-context');
    expect(status).toBe(1);
    expect(stderr).toContain('flag needs an argument');
  });

  test('a log file that cannot be opened', async () => {
    const { status, stderr } = await tsrun('--log /missing/log list');
    expect(status).toBe(1);
    expect(stderr).toBe('tsrun: cannot open log file /missing/log: no such file or directory\n');
  });

  test.each([
    ['--criu /criu create c1', 'the option --criu is not supported yet', 1],
    ['--criu x exec c1 sh', 'the option --criu is not supported yet', 255],
    ['checkpoint c1', 'the command checkpoint is not supported yet', 1],
    ['restore c1', 'the command restore is not supported yet', 1],
  ])('%s is refused by name', async (line, message, expected) => {
    const { status, stdout, stderr } = await tsrun(line);
    expect([status, stdout, stderr]).toEqual([expected, '', `tsrun: ${message}\n`]);
  });

  test('a usage error of exec is no failure to run a program', async () => {
    expect((await tsrun('exec --nope c1')).status).toBe(1);
  });

  test('an empty --root, and an unknown signal', async () => {
    expect((await tsrun('--root= list')).stderr).toBe('tsrun: the value of --root is empty\n');
    expect((await tsrun('kill c1 NOPE')).stderr).toBe('tsrun: unknown signal "NOPE"\n');
  });

  test('what cannot be printed is a failure', async () => {
    const fake = fakeSystem();
    const native = { ...fake.native, write: (fd: number) => (fd === 1 ? -32 : 0) };
    const closed = fakeSystem(native);
    expect(await main({ native: closed.native, environment: {} }, parse(['features']))).toBe(1);
  });
});

test('options that are not supported yet are fine when they are off', async () => {
  const { status, stderr } = await tsrun('--systemd-cgroup=false --criu= features');
  expect([status, stderr]).toEqual([0, '']);
});
