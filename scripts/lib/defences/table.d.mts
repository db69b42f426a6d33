/** Types of lib/defences/, for test/unit/scripts/defences.test.ts. */

export interface Change {
  file: string;
  from: string;
  to: string;
}

export interface Defence {
  rows: string[];
  what: string;
  changes: Change[];
  build: 'none' | 'addon' | 'executable';
  holds?: true;
  test: { file: string; name: string; title?: string; message?: RegExp };
}

export const entries: readonly Defence[];
