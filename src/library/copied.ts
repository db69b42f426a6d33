/**
 * What a program has given, as it is at the call: the work itself may be done in a later turn of its
 * event loop, when the program has gone on to change it.
 *
 * @returns a copy of plain objects and lists; whatever else is in them (functions, typed arrays) is the same
 */
export function copied<T>(value: T): T {
  return copy(value, new Map()) as T;
}

/** @param known what stands for an object that was met before: one may lead to itself */
function copy(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    known.set(value, list);
    for (const item of value as unknown[]) list.push(copy(item, known));
    return list;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const object = Object.create(prototype) as Record<string, unknown>;
  known.set(value, object);
  for (const [name, item] of Object.entries(value)) {
    // Not by assignment, to which `__proto__` is no name.
    Object.defineProperty(object, name, {
      value: copy(item, known),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return object;
}
