/** Who listens for a filter's notifications and does not take the descriptor holds nobody up for ever. */

import { expect, it } from 'vitest';

import { EAGAIN } from '../../../src/native/constants.js';
import { FakeSystem } from '../../fakes/system.js';
import type { Native } from '../../../src/native/types.js';
import { sendListener } from '../../../src/lifecycle/listener.js';

const TIMEOUT_NS = 10e9;
const PATH = '/run/listener';

interface Attempt {
  error: unknown;
  /** Nanoseconds until it gave up. */
  took: number;
  left: number;
}

/** Hands a listener over to somebody who behaves as `change` says. */
async function handOver(change: Partial<Native>): Promise<Attempt> {
  const fake = new FakeSystem();
  fake.files.put(PATH, 'socket');
  let now = 0;
  const open = new Set<number>();
  const native: Native = {
    ...fake.native,
    monotonicNs: () => now,
    wait: (_fd, _events, timeoutMs, _keepAlive, callback) => {
      now += timeoutMs * 1e6;
      callback(0);
      return 1;
    },
    connectUnix: () => {
      open.add(77);
      return 77;
    },
    close: (fd) => {
      open.delete(fd);
      return 0;
    },
    ...change,
  };
  const seccomp = { flags: 0, listener: true, path: PATH };
  const error: unknown = await sendListener(native, { ociVersion: '1.3.0', seccomp }, 5, {
    pid: 12,
    state: '{}',
  }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, took: now, left: open.size };
}

it.each<[string, Partial<Native>, string]>([
  ['whose backlog is full', { connectUnix: () => -EAGAIN }, 'connect to'],
  ['who does not read', { sendFd: () => -EAGAIN }, 'send to'],
  // The descriptor goes with the first byte; the rest never fits.
  ['who reads the beginning', { sendFd: () => 1, writeSome: () => -EAGAIN }, 'send to'],
])('gives up after ten seconds on one %s', async (_who, change, what) => {
  const { error, took, left } = await handOver(change);
  expect(error).toMatchObject({
    code: 'ERR_SECCOMP',
    message: expect.stringContaining(
      `/linux/seccomp/listenerPath: cannot ${what} ${PATH}: `,
    ) as string,
  });
  expect(took).toBeGreaterThanOrEqual(TIMEOUT_NS);
  expect(took).toBeLessThan(TIMEOUT_NS + 1e9);
  expect(left).toBe(0);
});

it('sends all of the state to one who reads slowly', async () => {
  let sent = '';
  const { error, left } = await handOver({
    sendFd: (_socket, text) => {
      sent += text.slice(0, 3);
      return 3;
    },
    writeSome: (_fd, data) => {
      sent += String.fromCharCode(...data.slice(0, 5));
      return Math.min(5, data.length);
    },
  });
  expect(error).toBeUndefined();
  expect(JSON.parse(sent)).toEqual({ ociVersion: '1.3.0', fds: ['seccompFd'], pid: 12, state: {} });
  expect(left).toBe(0);
});
