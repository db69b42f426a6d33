export interface TestResults {
  tests: { file: string; name: string; state: string; errors: string[] }[];
  errors: string[];
}

export function runTests(
  tree: { path: string },
  tests: readonly { file: string; name: string; title?: string }[],
): Promise<TestResults>;
