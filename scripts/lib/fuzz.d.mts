/** Types of fuzz.mjs, for test/fuzz. */

export interface Target {
  covers: string[];
  plants: { file: string; from: string; to: string; finding: RegExp }[];
}

export const targets: Readonly<Record<string, Target>>;

export function buildTargets(names: string[]): Promise<void>;

export interface Outcome {
  /** Exit status, or the signal. */
  status: number | string;
  output: string;
}

export function replay(name: string): Promise<
  Outcome & {
    coverage: Record<string, { lines: number; run: number; missed: number[] }>;
  }
>;

export function findPlanted(name: string, index: number, seconds: number): Promise<Outcome>;
