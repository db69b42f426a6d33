// The defences of docs/security.md, and what takes each out.
//
//   rows     numbers or letters of its table, R and a number for its rules
//   what     is taken out
//   changes  of the source: `from` stands in `file` once, and `to` takes its place
//   build    what the change is built into: `none` for a unit test, `addon`, `executable`
//   test     the one that has to fail: `file`, its `name` as it stands there (`title`, where
//            a table makes the name), and `message`, a pattern of what it has to say
//
//   holds    the test has to pass all the same: another defence is enough alone
//
// The tests are run for real: nothing may be taken out that would let one reach for the machine that it
// runs on. Ids and names of cgroups that lead elsewhere are therefore tried in unit tests alone.
//
// test/security/races takes out of here what stands against a race: the entry whose test has its name.
//
// Where two defences stand behind each other one entry takes both out, and says so.

import { callers } from './callers.mjs';
import { confinement } from './confinement.mjs';
import { files } from './files.mjs';
import { inputs } from './inputs.mjs';
import { output } from './output.mjs';
import { processes } from './processes.mjs';
import { substitutes } from './substitutes.mjs';

export const entries = [
  ...files,
  ...processes,
  ...inputs,
  ...confinement,
  ...output,
  ...substitutes,
  ...callers,
];
