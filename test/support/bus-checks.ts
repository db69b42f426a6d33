/** What the binding makes of a message bus, told as text; see binding-checks.ts. */

import type { BusItem, BusMessage, Native } from '../../src/native/types.js';

const EAGAIN = 11;
const BUS = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'] as const;

/** @param path of the socket of a bus on which nobody else is */
export async function busChecks(native: Native, path: string): Promise<string[]> {
  const lines: string[] = [];
  const tell = (name: string, value: unknown): void => {
    const text = typeof value === 'number' ? value.toString() : JSON.stringify(value);
    // The names of connections are numbered.
    lines.push(`${name}: ${text.replace(/":1\.[0-9]+"/g, '"OUR NAME"')}`);
  };
  tell('no such bus', native.openBus('unix:path=/nonexistent/bus'));
  tell('no address', native.openBus('nonsense'));
  tell('an unknown handle', native.receiveBus(4711));
  tell('watching an unknown handle', native.watchBus(4711));
  tell('calling on an unknown handle', native.callBus(4711, 'a.b', '/a', 'a.b', 'c', []));
  tell('closing an unknown handle', native.closeBus(4711));

  const bus = native.openBus(`unix:path=${path}`);
  tell('a bus', bus > 0);
  const next = async (): Promise<BusMessage | number> => {
    for (;;) {
      const message = native.receiveBus(bus);
      if (message !== -EAGAIN) return message;
      const watch = native.watchBus(bus);
      if (typeof watch === 'number') return watch;
      await new Promise((resolve) => native.wait(watch[0], watch[1], 10_000, true, resolve));
    }
  };
  /** The answer to a call, signals before it included. */
  const call = async (member: string, body: readonly BusItem[]): Promise<void> => {
    const cookie = native.callBus(bus, ...BUS, member, body);
    if (cookie < 0) {
      tell(member, cookie);
      return;
    }
    for (;;) {
      const message = await next();
      if (typeof message === 'number') {
        tell(`${member} fails`, message);
        return;
      }
      const { cookie: answered, ...rest } = message;
      tell(member, { ...rest, isAnswer: answered === cookie });
      if (answered === cookie) return;
    }
  };

  await call('NameHasOwner', [['s', 'org.freedesktop.DBus']]);
  await call('NameHasOwner', [['s', 'caf\u00e9']]);
  await call('GetNameOwner', [['s', 'no.body']]);
  await call('AddMatch', [['s', "type='signal',member='NameOwnerChanged',arg0='test.name'"]]);
  await call('RequestName', [
    ['s', 'test.name'],
    ['u', '4'],
  ]);
  await call('ListQueuedOwners', [['s', 'test.name']]);
  await call('UpdateActivationEnvironment', [
    ['a', '{ss}'],
    ['e', 'ss'],
    ['s', 'NAME'],
    ['s', 'value'],
    [')', ''],
    [')', ''],
  ]);
  // Every type, in a call that the bus reads and refuses.
  await call('Nonsense', [
    ...([
      ['y', '255'],
      ['b', '1'],
      ['n', '-32768'],
      ['q', '65535'],
    ] as const),
    ...([
      ['i', '-2147483648'],
      ['u', '4294967295'],
      ['x', '-9223372036854775808'],
    ] as const),
    ...([
      ['t', '18446744073709551615'],
      ['s', ''],
      ['o', '/a'],
      ['g', 'as'],
    ] as const),
    ...([
      ['v', '(sat)'],
      ['r', 'sat'],
      ['s', 'x'],
      ['a', 't'],
      [')', ''],
      [')', ''],
    ] as const),
    [')', ''],
  ]);
  const malformed: readonly (readonly BusItem[])[] = [
    [['y', '256']],
    [['u', '-1']],
    [['u', '']],
    [['u', '1x']],
    [['b', '2']],
    [['b', 'true']],
    [['s', 'a\0b']],
    [['o', 'no path']],
    [['h', '0']],
    [['d', '1.5']],
    [['z', '0']],
    [['', '']],
    [[')', '']],
    [['a', 's']],
    [
      ['a', 's'],
      ['u', '1'],
    ],
    [['v', 'ss']],
    [['v', 'not a type']],
  ];
  for (const body of malformed) {
    tell(`a body of ${JSON.stringify(body)}`, native.callBus(bus, ...BUS, 'GetId', body));
  }
  tell('a destination that is none', native.callBus(bus, 'no dest', '/a', 'a.b', 'c', []));
  // The connection is as good as before.
  await call('NameHasOwner', [['s', 'test.name']]);
  tell('closed', native.closeBus(bus));
  tell('after that', native.receiveBus(bus));
  return lines;
}
