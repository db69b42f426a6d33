/** What is written to the files of a cgroup: limits as data. */

/** One write(2) to a file of the container's cgroup. */
export interface CgroupWrite {
  /** Name of the file in the cgroup's directory. */
  file: string;
  value: string;
  /** JSON pointer of the field that asks for it. */
  pointer: string;
  /** What is written instead where the kernel has no such file. */
  fallback?: { file: string; value: string };
  /** Goes without saying where the kernel has no such file: then there is nothing to limit. */
  mayLack?: true;
  /**
   * What a new cgroup has anyway: not written to one, and true of one that has
   * no such file. Managers write -1 for no limit all the time.
   */
  isDefault?: true;
}

/** Gives what a file of the cgroup holds now, undefined when it has no such file. */
export type Current = (file: string) => string | undefined;

/** 64-bit integers as they come out of JSON: exact, whatever their size. */
export type Integer = number | bigint;

/** Managers written in Go leave numbers that are not set at 0. */
export function given(value: Integer | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  const exact = BigInt(value);
  return exact === 0n ? undefined : exact;
}

/** The controller that a file belongs to; `cgroup` for those of the hierarchy itself. */
export function controllerOf(file: string): string {
  const dot = file.indexOf('.');
  return dot === -1 ? file : file.slice(0, dot);
}
