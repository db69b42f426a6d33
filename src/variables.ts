/** The variables of an environment, as execve(2) takes them. */

import type { Environment } from './state/root.js';

export function variables(environment: Environment): string[] {
  return Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
}
