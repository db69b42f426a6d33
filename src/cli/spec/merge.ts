/** `spec --profile`: a fragment of a config.json, merged into it. */

import { stringifyJson } from '../../spec/json.js';

/**
 * What an element of an array is known by: an element of a fragment takes the
 * place of the one that is known by the same. Other arrays of objects and
 * texts grow, without repeating what is there.
 */
const KEYS: Readonly<Record<string, (element: unknown) => unknown>> = {
  '/mounts': member('destination'),
  '/linux/namespaces': member('type'),
  '/linux/devices': member('path'),
  '/process/rlimits': member('type'),
  '/process/env': (element) =>
    typeof element === 'string' ? element.slice(0, element.indexOf('=') + 1) : element,
};

/** A command is one thing: its words are never those of two profiles. */
const WHOLE: readonly string[] = ['/process/args'];

/**
 * Merges like a JSON merge patch (RFC 7396): objects member by member, null
 * takes a member away, anything else is put in its place; but arrays grow.
 *
 * @param at JSON pointer of `base`
 */
export function merge(base: unknown, fragment: unknown, at = ''): unknown {
  if (isArray(base) && isArray(fragment) && !WHOLE.includes(at)) {
    return mergeArrays(base, fragment, KEYS[at]);
  }
  if (!isObject(fragment)) return fragment;
  const result: Record<string, unknown> = isObject(base) ? { ...base } : {};
  for (const name of Object.keys(fragment)) {
    const value = fragment[name];
    // A member of that name is nothing but data, whatever its name is.
    if (value === null) Reflect.deleteProperty(result, name);
    else define(result, name, merge(own(result, name), value, `${at}/${name}`));
  }
  return result;
}

function mergeArrays(
  base: readonly unknown[],
  fragment: readonly unknown[],
  keyOf: (element: unknown) => unknown = (element) => stringifyJson(element),
): unknown[] {
  const result = [...base];
  for (const element of fragment) {
    const key = keyOf(element);
    const place = result.findIndex((one) => keyOf(one) === key);
    if (place === -1) result.push(element);
    else result[place] = element;
  }
  return result;
}

function member(name: string): (element: unknown) => unknown {
  return (element) => (isObject(element) ? element[name] : element);
}

function own(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function define(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
