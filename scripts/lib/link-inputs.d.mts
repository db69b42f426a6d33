/** Types of link-inputs.mjs, for the test. */

export function recordLink(build: string, files: string[]): void;
export function removeStaleLinks(build: string, copy: string): string[];
