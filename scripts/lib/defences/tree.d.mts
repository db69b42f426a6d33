import type { Change, Defence } from './table.mjs';

export class Tree {
  constructor(path?: string);
  readonly path: string;
  change(changes: readonly Change[]): void;
  build(kind: Defence['build'] | 'sources' | 'all'): Promise<string | undefined>;
  remove(): void;
}
