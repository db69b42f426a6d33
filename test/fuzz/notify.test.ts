/** Datagrams of the container to its NOTIFY_SOCKET, and what of them the service manager gets. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Notify from '../../src/lifecycle/notify.js';
import { EAGAIN, EEXIST, POLLIN } from '../../src/native/constants.js';
import type { Native } from '../../src/native/types.js';
import { fuzz } from './support/property.js';

type Done = (events: number) => void;

interface Modules {
  notify: typeof Notify;
}

const EPERM = 1;
const SOCKET = 5;
const PIDFD = 6;
const READING = 7;
const DIRECTORY = 9;

const part = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      ...['READY=1', 'READY=', '1', '\n', '\r', '\0', 'READY=1\n', 'MAINPID=1', 'BARRIER=1'],
      ...['READY=1\r', 'FDSTORE=1', 'STATUS=é', '\nREADY=1', ' ', 'STOPPING=1\n'],
    ),
    weight: 8,
  },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 4 }), weight: 1 },
);
const datagram = fc.oneof(
  {
    arbitrary: fc
      .array(part, { maxLength: 6 })
      .map((parts) => new Uint8Array(Buffer.from(parts.join('')))),
    weight: 6,
  },
  { arbitrary: fc.uint8Array({ maxLength: 12 }), weight: 1 },
);

/** As a service manager takes it apart: at both ends of lines, and up to a NUL. */
const lines = (data: Uint8Array): string[] =>
  Buffer.from(data)
    .toString('latin1')
    .split('\n')
    .flatMap((line) => line.split('\r'))
    .flatMap((line) => line.split('\0'));

fuzz({
  name: 'notify socket',
  modules: { notify: 'src/lifecycle/notify.ts' },
  covers: ['src/lifecycle/notify.ts'],
  plant: {
    file: 'src/lifecycle/notify.ts',
    from: '.split(/[\\n\\r\\0]/)',
    to: '.split(/[\\n\\0]/)',
  },
  runs: 1500,
  property: ({ notify }: Modules) => {
    const { NotifyRelay, makeNotifyDirectory } = notify;

    const checkDirectory = (made: number): void => {
      const native = { mkdirAt: () => made, strerror: () => 'no' } as unknown as Native;
      const make = (): void => makeNotifyDirectory(native, 3, '/d');
      if (made === 0) make();
      else assert.throws(make, { code: 'ERR_STATE', errno: -made });
    };

    /** @param failing the call that fails, if one does */
    const check = async (
      datagrams: readonly (Uint8Array | undefined)[],
      pid: number,
      failing: string,
    ): Promise<void> => {
      const left = [...datagrams];
      const sent: string[] = [];
      const open = new Set<number>();
      let read = 0;
      let more = false;
      const answer = (call: string, good: number): number => (call === failing ? -EPERM : good);
      const opened = (fd: number): number => {
        if (fd >= 0) open.add(fd);
        return fd;
      };
      const native = {
        openat: () => opened(answer('open', DIRECTORY)),
        bindDatagramAt: (directory: number) => {
          assert(open.has(directory));
          return opened(answer('bind', SOCKET));
        },
        strerror: () => 'no',
        close: (fd: number) => {
          assert(open.delete(fd));
          return 0;
        },
        read: () => {
          if (failing === 'read') return -EPERM;
          more = left.length > 0;
          const next = left.shift();
          if (more) read++;
          return next ?? -EAGAIN;
        },
        pipe: () => (failing === 'pipe' ? -EPERM : [opened(READING), opened(READING + 1)]),
        sendUnixDatagram: (target: string, text: string, fd: number) => {
          assert.equal(target, '/caller');
          assert.equal(fd >= 0, text === 'BARRIER=1');
          if (failing === text.slice(0, 5)) return -EPERM;
          sent.push(text);
          return text.length;
        },
        // The process has ended where nothing is left to read; the manager closes the pipe.
        wait: (fd: number, _events: number, _ms: number, _keep: boolean, done: Done) => {
          if (fd === READING) queueMicrotask(() => done(failing === 'barrier' ? 0 : POLLIN));
          else if ((fd === SOCKET) === more) queueMicrotask(() => done(POLLIN));
          return 1;
        },
        cancelWait: () => 0,
      } as unknown as Native;
      const run = async (): Promise<void> =>
        NotifyRelay.open(native, 3, '/caller')?.relay(pid, PIDFD);
      const error = await run().then(
        () => undefined,
        (reason: unknown) => reason as Error & { code?: string },
      );
      assert.deepEqual([...open], []);
      if (error !== undefined) {
        assert.equal(error.code, 'ERR_SYSTEM', error.stack);
        assert.notEqual(failing, '');
      }
      const ready = datagrams.findIndex(
        (one) => one !== undefined && lines(one).includes('READY=1'),
      );
      const all = ['READY=1\n', `MAINPID=${pid}\n`, 'BARRIER=1'];
      // Nothing but these, whatever the container says.
      assert.deepEqual(sent, all.slice(0, sent.length));
      if (failing !== '') return;
      assert.equal(sent.length, ready < 0 ? 0 : all.length);
      assert.equal(read, ready < 0 ? datagrams.length : ready + 1);
    };

    return fc.asyncProperty(
      // Now and then nothing is there, and something later.
      fc.array(fc.option(datagram, { nil: undefined }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 1 << 22 }),
      fc.oneof(
        { arbitrary: fc.constant(''), weight: 8 },
        {
          arbitrary: fc.constantFrom(
            ...['open', 'bind', 'read', 'pipe', 'barrier'],
            ...['READY', 'MAINP', 'BARRI'],
          ),
          weight: 2,
        },
      ),
      fc.constantFrom(0, -EEXIST, -EPERM),
      async (datagrams, pid, failing, made) => {
        checkDirectory(made);
        await check(datagrams, pid, failing);
      },
    );
  },
});
