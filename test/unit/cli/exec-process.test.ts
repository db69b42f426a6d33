import { describe, expect, test } from 'vitest';
import { execProcess } from '../../../src/cli/exec-process.js';
import type { Process } from '../../../src/spec/types.js';

const OWN: Process = {
  terminal: true,
  consoleSize: { width: 80, height: 25 },
  user: { uid: 5, gid: 6, additionalGids: [7] },
  args: ['sh'],
  env: ['PATH=/bin'],
  cwd: '/own',
  capabilities: { bounding: ['CAP_KILL'], inheritable: ['CAP_KILL'] },
  noNewPrivileges: true,
};

test('is the container\u2019s own with another command and no terminal', () => {
  const { consoleSize: _, ...rest } = OWN;
  expect(execProcess(OWN, {}, ['ls', '-l'])).toEqual({
    ...rest,
    terminal: false,
    args: ['ls', '-l'],
  });
});

test('options change it', () => {
  const process = execProcess(
    OWN,
    {
      tty: true,
      cwd: '/x',
      env: ['A=1', 'B=2'],
      user: '1000',
      'additional-gids': [8],
      'no-new-privs': false,
    },
    ['sh'],
  );
  expect(process).toMatchObject({
    terminal: true,
    cwd: '/x',
    env: ['PATH=/bin', 'A=1', 'B=2'],
    user: { uid: 1000, gid: 6, additionalGids: [7, 8] },
    noNewPrivileges: false,
  });
  expect(OWN.user?.uid).toBe(5);
  expect(OWN.env).toEqual(['PATH=/bin']);
});

test('capabilities are added, but not to be inherited', () => {
  expect(execProcess(OWN, { cap: ['CAP_CHOWN', 'kill', 'net_raw'] }, ['sh']).capabilities).toEqual({
    bounding: ['CAP_KILL', 'CAP_CHOWN', 'CAP_NET_RAW'],
    effective: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW'],
    permitted: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW'],
    inheritable: ['CAP_KILL'],
  });
});

describe('--user', () => {
  test.each([
    ['1', 1, 6],
    ['1:0', 1, 0],
    ['0:4294967294', 0, 4294967294],
  ])('%s', (user, uid, gid) => {
    expect(execProcess(OWN, { user }, ['sh']).user).toMatchObject({ uid, gid });
  });

  test.each([
    'root',
    '1:',
    ':1',
    '1:x',
    '-1',
    '1 ',
    '0x1',
    '4294967295',
    '99999999999',
    '1:2:3',
    '1,2',
  ])('%j is refused', (user) => {
    expect(() => execProcess(OWN, { user }, ['sh'])).toThrow(
      'for --user: it must be UID or UID:GID',
    );
  });
});

test('a command is needed', () => {
  expect(() => execProcess(OWN, {}, [])).toThrow('exec: a command is missing');
});
