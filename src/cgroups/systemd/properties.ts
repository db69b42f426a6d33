/** The properties with which a container's scope is started. */

import { SYSTEMD_PROPERTY, annotationsBelow } from '../../annotations.js';
import { TsrunError } from '../../errors.js';
import type { BusItem } from '../../native/types.js';
import { pointerToken, shortened } from '../../spec/problem.js';
import { deviceRules } from '../devices/rules.js';
import type { DeviceEntry } from '../devices/rules.js';
import type { CgroupWrite } from '../limits/write.js';
import { deviceProperties } from './devices.js';
import { parseGVariant } from './gvariant.js';
import { INFINITY, limitProperties, uint64 } from './limits.js';

export interface UnitProperty {
  name: string;
  /** The signature of the value, and the value. */
  value: readonly [signature: string, ...items: BusItem[]];
  /** JSON pointer of the field that asks for it, '' for none. */
  pointer: string;
}

export interface PropertyRequest {
  id: string;
  slice: string;
  /** What tells this unit from another one of its name: a URI for Documentation. */
  mark: string;
  devices: readonly DeviceEntry[];
  writes: readonly CgroupWrite[];
  annotations: Readonly<Record<string, string>>;
}

/** What the scope would not be the container's without. */
const OURS: readonly string[] = [
  'Delegate',
  'DelegateControllers',
  'DelegateSubgroup',
  'Documentation',
  'PIDFDs',
  'PIDs',
  'Slice',
];

/** @throws TsrunError ERR_CONFIG_INVALID with the pointer of the annotation, or of the rule */
export function scopeProperties(request: PropertyRequest): UnitProperty[] {
  const { id, slice, mark, devices, writes, annotations } = request;
  const ours: UnitProperty[] = [
    { name: 'Description', value: ['s', ['s', `tsrun container ${id}`]], pointer: '' },
    {
      name: 'Documentation',
      value: ['as', ['a', 's'], ['s', mark], [')', '']],
      pointer: '',
    },
    { name: 'Slice', value: ['s', ['s', slice]], pointer: '/linux/cgroupsPath' },
    flag('Delegate', true),
    // As with runc: it is the manager of the containers that ends them before a shutdown.
    flag('DefaultDependencies', false),
    // Nobody has to clean up after one that has failed, by an OOM kill for example.
    { name: 'CollectMode', value: ['s', ['s', 'inactive-or-failed']], pointer: '' },
    // Without a limit in the configuration there is none, whatever systemd's default for units is.
    { name: 'TasksMax', value: uint64(INFINITY), pointer: '' },
    ...deviceProperties(deviceRules(devices)),
    ...limitProperties(writes),
    ...annotationProperties(annotations),
  ];
  return lastOfEach(ours);
}

function flag(name: string, on: boolean): UnitProperty {
  return { name, value: ['b', ['b', on ? '1' : '0']], pointer: '' };
}

/** A later one takes the place of an earlier one; lists of devices add up in systemd. */
function lastOfEach(properties: readonly UnitProperty[]): UnitProperty[] {
  return properties.filter(
    ({ name, value: [signature] }, index) =>
      signature.startsWith('a(') ||
      !properties.slice(index + 1).some((later) => later.name === name),
  );
}

/**
 * Annotations `org.systemd.property.NAME`, as with runc. A name in `...Sec`
 * takes seconds for the property in `...USec`, as in a unit file.
 *
 * @throws TsrunError ERR_CONFIG_INVALID
 */
export function annotationProperties(
  annotations: Readonly<Record<string, string>>,
): UnitProperty[] {
  const properties: UnitProperty[] = [];
  for (const { key, name, text } of annotationsBelow(annotations, SYSTEMD_PROPERTY)) {
    const pointer = `/annotations/${pointerToken(key)}`;
    if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
      throw invalid(pointer, `"${name}" is not the name of a property of a unit`);
    }
    if (OURS.includes(name)) throw invalid(pointer, `${name} is tsrun's to set`);
    const value = parseGVariant(text);
    if ('fault' in value) {
      throw invalid(
        pointer,
        `cannot read "${shortened(text)}" as a value of GVariant: ${value.fault}`,
      );
    }
    const { signature, items } = value;
    if (/[a-z]Sec$/.test(name) && !/USec$/.test(name)) {
      const [item] = items;
      const seconds = item !== undefined && /^[0-9]+$/.test(item[1]) ? BigInt(item[1]) : undefined;
      if (items.length !== 1 || seconds === undefined || signature === 's') {
        throw invalid(pointer, `${name} takes a number of seconds, not "${shortened(text)}"`);
      }
      const usec = (seconds * 1_000_000n).toString();
      properties.push({ name: name.replace(/Sec$/, 'USec'), value: uint64(usec), pointer });
    } else {
      properties.push({ name, value: [signature, ...items], pointer });
    }
  }
  return properties;
}

function invalid(pointer: string, message: string): TsrunError {
  return new TsrunError('ERR_CONFIG_INVALID', `${pointer}: ${message}`, { pointer });
}

/** The properties as an `a(sv)` of a message. */
export function propertyItems(properties: readonly UnitProperty[]): BusItem[] {
  const items: BusItem[] = [['a', '(sv)']];
  for (const { name, value } of properties) {
    const [signature, ...content] = value;
    items.push(['r', 'sv'], ['s', name], ['v', signature], ...content, [')', ''], [')', '']);
  }
  items.push([')', '']);
  return items;
}
