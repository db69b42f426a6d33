/** Numbering of the descriptors that a plan uses. */

import type { PlanInput } from './plan.js';
import type { Slot } from './steps.js';

export class Slots {
  readonly inputs: PlanInput[] = [];
  private filled = 0;

  /** What the parent opens. All inputs come before the first slot that a step fills. */
  input(input: PlanInput): Slot {
    if (this.filled !== 0) throw new RangeError('an input after a slot that a step fills');
    return this.inputs.push(input) - 1;
  }

  /** A slot that a step fills. */
  fill(): Slot {
    return this.inputs.length + this.filled++;
  }

  get count(): number {
    return this.inputs.length + this.filled;
  }
}
