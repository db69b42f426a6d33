// The rows of the benchmark, in the order in which they run.

import { exec } from './exec.mjs';
import { hosts } from './hosts.mjs';
import { library } from './library.mjs';
import { loop } from './loop.mjs';
import { many } from './many.mjs';
import { parallel } from './parallel.mjs';
import { profile } from './profile.mjs';
import { protection } from './protection.mjs';
import { runs } from './run.mjs';
import { seccomp } from './seccomp.mjs';
import { sequence } from './sequence.mjs';

/**
 * A row is { name, lines, measure(scene) }. measure() records values under the
 * names of its lines. A line is { name, title, unit, limits, most }: the most that
 * tsrun's median may be of that of the one that `limits` names, and the most that it
 * may be by itself. The unit is ms where it is not given; a title may be a function
 * of the options.
 */
export const rows = [
  ...runs,
  sequence,
  exec,
  parallel,
  many,
  library,
  loop,
  hosts,
  protection,
  ...seccomp,
  profile,
];
