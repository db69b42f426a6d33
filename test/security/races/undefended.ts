/** The runtime with the defence against a race taken out, as scripts/defences.mjs does it. */

import { copyFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { entries } from '../../../scripts/lib/defences/table.mjs';
import { Tree } from '../../../scripts/lib/defences/tree.mjs';
import { REPOSITORY } from '../../support/library.js';

/** Kept, so that the next race builds only what its change asks for. */
const PLACE = join(REPOSITORY, 'native/build-undefended');

export interface Undefended {
  /** On Node, since only the addon differs. */
  command: string[];
  addon: string;
}

/** @param race the name of the test that the table has for it */
export async function buildWithoutDefence(race: string): Promise<Undefended> {
  const [entry, ...others] = entries.filter(({ test }) => test.name === race);
  if (entry === undefined || others.length > 0) {
    throw new Error(`the table of defences has to have one entry for "${race}"`);
  }
  const tree = new Tree(PLACE);
  tree.change(entry.changes);
  const fault = await tree.build('addon');
  if (fault !== undefined) throw new Error(fault);
  for (const name of ['dist', 'spec/generated']) {
    rmSync(join(tree.path, name), { recursive: true, force: true });
    cpSync(join(REPOSITORY, name), join(tree.path, name), { recursive: true });
  }
  const built = join(tree.path, 'native/build/Release');
  // A name of its own: a process that has loaded an addon gets that one again by the same path.
  const addon = join(built, `${race.replaceAll(' ', '-')}.node`);
  rmSync(addon, { force: true });
  copyFileSync(join(built, 'tsrun.node'), addon);
  return {
    addon,
    command: [process.execPath, join(tree.path, 'dist/cli/main-node.js')],
  };
}
