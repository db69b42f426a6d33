/** Fields that are refused by name, as long as nothing obeys them. */

import type { CreateProblem } from './create-demands.js';

/** @returns the problem as a list, empty when the field asks for nothing */
export function unsupported(pointer: string, isAskedFor: boolean): CreateProblem[] {
  return isAskedFor ? [{ pointer, message: 'is not supported yet', code: 'ERR_UNSUPPORTED' }] : [];
}
