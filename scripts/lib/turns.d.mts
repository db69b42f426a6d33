export function turnOf(parts: number, now?: number): number;
export const MANAGER_PARTS: readonly (readonly string[])[];
export const NODE_ALONE: readonly string[];
export function otherManagers(part?: number): string[];
export function otherNative(part?: number): string[];
