/** Highest CPU number that is taken: what the kernel can be built for, with room to spare. */
const maxCpu = 65535;

/**
 * Reads a list of CPUs such as `0-3,7`, as cpuset(7) writes it; spaces around
 * its parts are allowed.
 *
 * @returns the CPUs in rising order, each once, or undefined when it is no such list
 */
export function parseCpuList(list: string): number[] | undefined {
  const cpus = new Set<number>();
  for (const part of list.split(',')) {
    const found = /^\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5})\s*)?$/.exec(part);
    if (found === null) return undefined;
    const first = Number(found[1]);
    const last = Number(found[2] ?? found[1]);
    if (first > last || last > maxCpu) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}
