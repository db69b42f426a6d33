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
export function withoutNulls(value: unknown): unknown {
  return cleaned(value, 0, false);
}

/** @param isMap none of the members may be absent */
function cleaned(value: unknown, depth: number, isMap: boolean): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => cleaned(item, depth + 1, false));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  let changed = false;
  const kept: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    const isAbsent = member === null && !isMap;
    const inner = cleaned(member, depth + 1, MAPS.has(name) && !isMap);
    changed ||= isAbsent || inner !== member;
    if (!isAbsent) kept.push([name, inner]);
  }
  return changed ? Object.fromEntries(kept) : value;
}
