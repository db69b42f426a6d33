/** A systemd in memory, with what the scopes of containers need of it. */

import { EAGAIN, EBADF, ECONNRESET } from '../../src/native/constants.js';
import type { BusItem, BusMessage } from '../../src/native/types.js';

export interface FakeUnit {
  name: string;
  slice: string;
  documentation: string;
  state: 'active' | 'failed';
  /** Names of the properties it was started with. */
  properties: Map<string, readonly BusItem[]>;
}

export interface FakeSystemdHost {
  /** Makes the cgroup of a unit, with this process alone in it. */
  enter(path: string, pid: number): void;
  /** Kills what is in it. */
  kill(path: string): void;
  /** Removes it, with what is in it. */
  remove(path: string): void;
}

const PREFIX = 'org.freedesktop.systemd1.';

export class FakeSystemd {
  readonly units = new Map<string, FakeUnit>();
  /** Members that were called, in order. */
  readonly called: string[] = [];
  /** What the next job comes to. */
  jobResult = 'done';
  /** Makes a call be refused. */
  refuse: (member: string, body: readonly BusItem[]) => { name: string; text: string } | undefined =
    () => undefined;
  /** The path of a user's manager. */
  controlGroup = '';
  /** How many times it is going to drop a connection. */
  drop = 0;
  /** It says nothing any more. */
  silent = false;

  private readonly queues = new Map<number, BusMessage[]>();
  private nextBus = 1;
  private nextCookie = 1;
  private nextJob = 1;

  constructor(private readonly host: FakeSystemdHost) {}

  /** Connections that have not been closed. */
  get open(): number {
    return this.queues.size;
  }

  connect(): number {
    this.queues.set(this.nextBus, []);
    return this.nextBus++;
  }

  close(bus: number): number {
    return this.queues.delete(bus) ? 0 : -EBADF;
  }

  receive(bus: number): BusMessage | number {
    const queue = this.queues.get(bus);
    if (queue === undefined) return -EBADF;
    if (this.drop > 0) {
      this.drop--;
      return -ECONNRESET;
    }
    return this.silent ? -EAGAIN : (queue.shift() ?? -EAGAIN);
  }

  call(bus: number, path: string, member: string, body: readonly BusItem[]): number {
    const queue = this.queues.get(bus);
    if (queue === undefined) return -EBADF;
    this.called.push(member);
    const cookie = this.nextCookie++;
    const base = { cookie, name: '', text: '', body: [] };
    const refusal = this.refuse(member, body) ?? this.perform(queue, base, path, member, body);
    if (refusal !== undefined) queue.push({ ...base, type: 'error', ...refusal });
    return cookie;
  }

  /** A unit that is nobody's container. */
  add(unit: Partial<FakeUnit> & { name: string }): void {
    this.units.set(unit.name, {
      slice: 'system.slice',
      documentation: '',
      state: 'active',
      properties: new Map(),
      ...unit,
    });
  }

  /** @returns the refusal, or undefined when it has answered */
  private perform(
    queue: BusMessage[],
    base: Omit<BusMessage, 'type'>,
    path: string,
    member: string,
    body: readonly BusItem[],
  ): { name: string; text: string } | undefined {
    const reply = (...items: BusItem[]): void => {
      queue.push({ ...base, type: 'reply', body: items });
    };
    const name = body[0]?.[1] ?? '';
    switch (member) {
      case 'AddMatch': {
        reply();
        return;
      }
      case 'Get': {
        if (body[1]?.[1] === 'ControlGroup') {
          reply(['v', 's'], ['s', this.controlGroup], [')', '']);
          return;
        }
        const unit = [...this.units.values()].find((one) => path.endsWith(encoded(one.name)));
        reply(
          ...([
            ['v', 'as'],
            ['a', 's'],
            ['s', unit?.documentation ?? ''],
          ] as const),
          ...([
            [')', ''],
            [')', ''],
          ] as const),
        );
        return;
      }
      case 'StartTransientUnit': {
        if (this.units.has(name)) {
          return { name: `${PREFIX}UnitExists`, text: `Unit ${name} was already loaded.` };
        }
        this.start(name, body);
        this.job(queue, base, name);
        return;
      }
      case 'StopUnit': {
        const unit = this.units.get(name);
        if (unit === undefined) {
          return { name: `${PREFIX}NoSuchUnit`, text: `Unit ${name} not loaded.` };
        }
        this.units.delete(name);
        this.host.remove(pathOf(this.controlGroup, unit));
        this.job(queue, base, name);
        return;
      }
      case 'ResetFailedUnit':
        if (!this.units.has(name)) {
          return { name: `${PREFIX}NoSuchUnit`, text: `Unit ${name} not loaded.` };
        }
        if (this.units.get(name)?.state === 'failed') this.units.delete(name);
        reply();
        return;
      case 'KillUnit': {
        const unit = this.units.get(name);
        if (unit === undefined) {
          return { name: `${PREFIX}NoSuchUnit`, text: `Unit ${name} not loaded.` };
        }
        this.host.kill(pathOf(this.controlGroup, unit));
        reply();
        return;
      }
      case 'SetUnitProperties': {
        const unit = this.units.get(name);
        if (unit === undefined) {
          return { name: `${PREFIX}NoSuchUnit`, text: `Unit ${name} not loaded.` };
        }
        for (const [property, value] of propertiesIn(body)) unit.properties.set(property, value);
        reply();
        return;
      }
      default:
        return {
          name: 'org.freedesktop.DBus.Error.UnknownMethod',
          text: `Unknown method ${member}`,
        };
    }
  }

  private start(name: string, body: readonly BusItem[]): void {
    const properties = propertiesIn(body);
    const value = (property: string, code: string): string =>
      properties.get(property)?.find(([type]) => type === code)?.[1] ?? '';
    const unit: FakeUnit = {
      name,
      slice: value('Slice', 's'),
      documentation: value('Documentation', 's'),
      state: 'active',
      properties,
    };
    this.units.set(name, unit);
    this.host.enter(pathOf(this.controlGroup, unit), Number(value('PIDs', 'u')));
  }

  private job(queue: BusMessage[], base: Omit<BusMessage, 'type'>, unit: string): void {
    const job = `/org/freedesktop/systemd1/job/${this.nextJob++}`;
    queue.push({ ...base, type: 'reply', body: [['o', job]] });
    queue.push({
      ...base,
      type: 'signal',
      cookie: 0,
      name: 'JobRemoved',
      body: [
        ['u', '1'],
        ['o', job],
        ['s', unit],
        ['s', this.jobResult],
      ],
    });
  }
}

/** Of an `a(sv)`: the pieces of each value, by name. */
function propertiesIn(body: readonly BusItem[]): Map<string, readonly BusItem[]> {
  const properties = new Map<string, readonly BusItem[]>();
  for (let at = 0; at < body.length; at++) {
    if (body[at]?.[0] !== 'r' || body[at]?.[1] !== 'sv') continue;
    const end = body.findIndex(
      ([code, text], index) => index > at && code === 'r' && text === 'sv',
    );
    properties.set(body[at + 1]?.[1] ?? '', body.slice(at + 2, end < 0 ? undefined : end));
  }
  return properties;
}

function pathOf(above: string, { slice, name }: FakeUnit): string {
  const names = slice.replace(/\.slice$/, '').split('-');
  const slices = names.map((_, index) => `/${names.slice(0, index + 1).join('-')}.slice`);
  return `${above}${slices.join('')}/${name}`;
}

function encoded(unit: string): string {
  return unit.replace(/[^A-Za-z0-9]/g, (letter) => `_${letter.charCodeAt(0).toString(16)}`);
}
