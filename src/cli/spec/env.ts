/** `spec --env`: variables of the environment. */

import { invalidValue } from './invalid.js';

/** @returns `env` with the variables set, each in the place of one of the same name */
export function withVariables(env: readonly string[], variables: readonly string[]): string[] {
  const result = [...env];
  for (const variable of variables) {
    const equals = variable.indexOf('=');
    if (equals < 1) throw invalidValue('env', variable, 'NAME=VALUE');
    const name = variable.slice(0, equals + 1);
    const place = result.findIndex((one) => one.startsWith(name));
    if (place === -1) result.push(variable);
    else result[place] = variable;
  }
  return result;
}
