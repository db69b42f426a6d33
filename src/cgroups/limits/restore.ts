/**
 * What to write to a cgroup's file to undo a write to it
 * (Documentation/admin-guide/cgroup-v2.rst, "Format").
 */

/** Files with a line for each device, and what a device has that has no line. */
const KEYED: Readonly<Record<string, string>> = {
  'io.max': 'rbps=max wbps=max riops=max wiops=max',
  'io.weight': 'default',
  'io.bfq.weight': 'default',
  'rdma.max': 'hca_handle=max hca_object=max',
  'misc.max': 'max',
};

/**
 * @param value what is going to be written
 * @param text what the file says before
 * @returns undefined when it cannot be told
 */
export function earlierValue(file: string, value: string, text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line !== '');
  const absent = KEYED[file];
  if (absent !== undefined) {
    // A weight alone is that of all devices, and its line begins with `default`.
    const key = value.includes(' ') ? value.slice(0, value.indexOf(' ')) : 'default';
    return lines.find((line) => line.startsWith(`${key} `)) ?? `${key} ${absent}`;
  }
  if (lines.length > 1) return undefined;
  // An empty file, as cpuset.cpus can be, is made by an empty line.
  return lines[0] ?? '\n';
}
