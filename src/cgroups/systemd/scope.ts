/**
 * A container's transient scope: a unit of systemd's that is made around a
 * process which is there already (systemd.scope(5), org.freedesktop.systemd1(5)).
 */

import { TsrunError } from '../../errors.js';
import { SIGKILL } from '../../native/constants.js';
import type { BusItem, Native } from '../../native/types.js';
import { Bus, BusRefusal, PROPERTIES } from './bus.js';
import { propertyItems } from './properties.js';
import type { UnitProperty } from './properties.js';

/** What the state of a container keeps of its unit; noted before that is started. */
export interface ScopeRecord {
  /** The unit's name. */
  unit: string;
  /** Path of the socket of the bus on which its systemd is. */
  bus: string;
  /** The unit's Documentation: one without it is somebody else's of the same name. */
  mark: string;
}

const UNIT_EXISTS = 'org.freedesktop.systemd1.UnitExists';
const NO_SUCH_UNIT = 'org.freedesktop.systemd1.NoSuchUnit';

/**
 * Starts the unit and waits until the process is in its cgroup.
 *
 * @param pid a child of ours, so that the number cannot become another process's
 * @throws TsrunError ERR_CGROUP with the pointer of the property that systemd
 *   refuses; the unit may be there then: stopScope()
 */
export async function startScope(
  bus: Bus,
  { unit }: ScopeRecord,
  pid: number,
  properties: readonly UnitProperty[],
): Promise<void> {
  const pids: UnitProperty = {
    name: 'PIDs',
    value: ['au', ['a', 'u'], ['u', pid.toString()], [')', '']],
    pointer: '',
  };
  const start = (): Promise<BusItem[]> =>
    bus.manager('StartTransientUnit', [
      ['s', unit],
      ['s', 'fail'],
      ...propertyItems([...known, pids]),
      ['a', '(sa(sv))'],
      [')', ''],
    ]);
  let known = properties;
  try {
    known = await knownProperties(bus, properties);
    let answer: BusItem[];
    try {
      answer = await start();
    } catch (error) {
      // One that has failed stays until it is looked at. One that is active does not give way.
      if (!(error instanceof BusRefusal) || error.errorName !== UNIT_EXISTS) throw error;
      await resetFailed(bus, unit);
      answer = await start();
    }
    await endOfJob(bus, answer, 'start', unit);
  } catch (error) {
    throw explained(error, `cannot start ${unit}`, properties);
  }
}

/**
 * Has a process moved into the unit's cgroup, or one below it.
 *
 * @param below its path from there, with a leading slash
 * @throws TsrunError ERR_CGROUP
 */
export async function attachToScope(
  native: Native,
  { unit, bus: path }: ScopeRecord,
  below: string,
  pid: number,
): Promise<void> {
  const bus = await Bus.connect(native, path, unit);
  try {
    await bus.manager('AttachProcessesToUnit', [
      ['s', unit],
      ['s', below],
      ['a', 'u'],
      ['u', pid.toString()],
      [')', ''],
    ]);
  } catch (error) {
    throw explained(error, `cannot move a process into ${unit}`, []);
  } finally {
    bus.close();
  }
}

/**
 * Stops the unit when it is the one of the record, and waits until it is gone.
 *
 * @param kill whether there may be processes in it
 * @throws TsrunError ERR_CGROUP
 */
export async function stopScope(native: Native, record: ScopeRecord, kill = false): Promise<void> {
  const bus = await Bus.connect(native, record.bus, record.unit);
  try {
    await stopOn(bus, record, kill);
  } finally {
    bus.close();
  }
}

async function stopOn(bus: Bus, { unit, mark }: ScopeRecord, kill: boolean): Promise<void> {
  try {
    if (!(await documentation(bus, unit)).includes(mark)) return;
    if (kill) await killUnit(bus, unit);
    try {
      const answer = await bus.manager('StopUnit', [
        ['s', unit],
        ['s', 'replace'],
      ]);
      await endOfJob(bus, answer, 'stop', unit);
    } catch (error) {
      if (!isNoSuchUnit(error)) throw error;
    }
    await resetFailed(bus, unit);
  } catch (error) {
    throw explained(error, `cannot stop ${unit}`, []);
  }
}

/**
 * Changes properties of a running unit, until the next boot.
 *
 * @throws TsrunError ERR_CGROUP with the pointer of the property that systemd refuses
 */
export async function setScopeProperties(
  native: Native,
  { unit, bus: path }: ScopeRecord,
  properties: readonly UnitProperty[],
): Promise<void> {
  const bus = await Bus.connect(native, path, unit);
  try {
    const known = await knownProperties(bus, properties);
    await bus.manager('SetUnitProperties', [['s', unit], ['b', '1'], ...propertyItems(known)]);
    // It answers before it writes to the cgroup, and writes before it looks at the next call.
    await managerText(bus, 'Version');
  } catch (error) {
    throw explained(error, `cannot change ${unit}`, properties);
  } finally {
    bus.close();
  }
}

/** The first version of systemd that writes cpu.idle, and takes the weight of an idle group. */
const IDLE_VERSION = 252;

/** An older one leaves cpu.idle alone, and refuses a weight of 0. */
async function knownProperties(
  bus: Bus,
  properties: readonly UnitProperty[],
): Promise<readonly UnitProperty[]> {
  const isIdle = ({ name, value: [, item] }: UnitProperty): boolean =>
    name === 'CPUWeight' && item?.[1] === '0';
  if (!properties.some(isIdle)) return properties;
  const version = /[0-9]+/.exec(await managerText(bus, 'Version'))?.[0];
  if (version !== undefined && Number(version) >= IDLE_VERSION) return properties;
  return properties.filter((property) => !isIdle(property));
}

/** A property of the manager's own of type `s`. */
export async function managerText(bus: Bus, name: string): Promise<string> {
  try {
    const [, value] = await bus.call({
      path: '/org/freedesktop/systemd1',
      interfaceName: PROPERTIES,
      member: 'Get',
      body: [
        ['s', 'org.freedesktop.systemd1.Manager'],
        ['s', name],
      ],
    });
    return value?.[1] ?? '';
  } catch (error) {
    throw explained(error, `cannot read ${name} of systemd`, []);
  }
}

async function documentation(bus: Bus, unit: string): Promise<string[]> {
  try {
    const answer = await bus.call({
      path: unitPath(unit),
      interfaceName: PROPERTIES,
      member: 'Get',
      body: [
        ['s', 'org.freedesktop.systemd1.Unit'],
        ['s', 'Documentation'],
      ],
    });
    return answer.filter(([code]) => code === 's').map(([, text]) => text);
  } catch (error) {
    if (isNoSuchUnit(error)) return [];
    throw error;
  }
}

/** What cannot be killed the stop that follows will find. */
async function killUnit(bus: Bus, unit: string): Promise<void> {
  try {
    await bus.manager('KillUnit', [
      ['s', unit],
      ['s', 'all'],
      ['i', SIGKILL.toString()],
    ]);
  } catch (error) {
    if (!(error instanceof BusRefusal)) throw error;
  }
}

async function resetFailed(bus: Bus, unit: string): Promise<void> {
  try {
    await bus.manager('ResetFailedUnit', [['s', unit]]);
  } catch (error) {
    if (!isNoSuchUnit(error)) throw error;
  }
}

async function endOfJob(bus: Bus, answer: BusItem[], verb: string, unit: string): Promise<void> {
  const result = await bus.job(answer[0]?.[1] ?? '');
  if (result === 'done') return;
  throw new TsrunError('ERR_CGROUP', `systemd could not ${verb} ${unit}: the job is ${result}`);
}

function isNoSuchUnit(error: unknown): boolean {
  return error instanceof BusRefusal && error.errorName === NO_SUCH_UNIT;
}

/** systemd names the property that it refuses; that leads to the field that asked for it. */
function explained(error: unknown, doing: string, properties: readonly UnitProperty[]): unknown {
  if (!(error instanceof BusRefusal)) return error;
  const text = error.message === '' ? error.errorName : error.message.replace(/\.$/, '');
  const pointer = properties.find(
    ({ name, pointer: field }) => field !== '' && new RegExp(`\\b${name}\\b`).test(text),
  )?.pointer;
  return new TsrunError(
    'ERR_CGROUP',
    `${pointer === undefined ? '' : `${pointer}: `}${doing}: ${text}`,
    pointer === undefined ? {} : { pointer },
  );
}

/** The object path of a unit (sd_bus_path_encode(3)). */
export function unitPath(unit: string): string {
  let encoded = '';
  for (let i = 0; i < unit.length; i++) {
    const letter = unit.charAt(i);
    const plain = i === 0 ? /[A-Za-z]/ : /[A-Za-z0-9]/;
    encoded += plain.test(letter) ? letter : `_${unit.charCodeAt(i).toString(16).padStart(2, '0')}`;
  }
  return `/org/freedesktop/systemd1/unit/${encoded}`;
}
