/**
 * Programs in Go write null for what is not set, and read it so: a member that is null is absent.
 * That is settled here, once, before anything is validated.
 */

/** Maps of the caller's own names, in which null is a value, and a wrong one. */
const MAPS: ReadonlySet<string> = new Set([
  'annotations',
  'sysctl',
  'netDevices',
  'rdma',
  'unified',
]);

/** More than any known member is nested; what is not known is not looked at, and may be a cycle. */
const MAX_DEPTH = 16;

/** A document without the members that are null; the document itself where it has none. */
export function withoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    let changed: unknown[] | undefined;
    value.forEach((item: unknown, index) => {
      const kept = withoutNulls(item, depth + 1);
      if (kept === item) return;
      changed ??= [...(value as unknown[])];
      changed[index] = kept;
    });
    return changed ?? value;
  }
  let changed = false;
  const kept: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === null) {
      changed = true;
      continue;
    }
    const inner = MAPS.has(name)
      ? withoutNullsInValues(member, depth + 1)
      : withoutNulls(member, depth + 1);
    if (inner !== member) changed = true;
    kept.push([name, inner]);
  }
  return changed ? Object.fromEntries(kept) : value;
}

/** The same of the values of a map, none of which may be absent. */
function withoutNullsInValues(map: unknown, depth: number): unknown {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return map;
  let changed = false;
  const kept: [string, unknown][] = [];
  for (const [name, member] of Object.entries(map) as [string, unknown][]) {
    const inner = withoutNulls(member, depth + 1);
    if (inner !== member) changed = true;
    kept.push([name, inner]);
  }
  return changed ? Object.fromEntries(kept) : map;
}
