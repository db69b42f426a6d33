/** `completion` */

import { TsrunError } from '../../errors.js';
import { bash } from '../completion/bash.js';
import { fish } from '../completion/fish.js';
import { model } from '../completion/model.js';
import { zsh } from '../completion/zsh.js';
import type { Command } from '../context.js';
import { print } from '../output.js';

export const run: Command<'completion'> = async ({ native }, _options, [shell = '']) => {
  await print(native, script(shell));
  return 0;
};

function script(shell: string): string {
  switch (shell) {
    case 'bash':
      return bash(model());
    case 'zsh':
      return zsh(model());
    case 'fish':
      return fish(model());
    default:
      throw new TsrunError(
        'ERR_USAGE',
        `completion: no completion for the shell ${JSON.stringify(shell)}: it must be bash, zsh or fish (see tsrun completion --help)`,
      );
  }
}
