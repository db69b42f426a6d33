/** `spec`: writes a config.json to begin with. */

import { TsrunError } from '../../errors.js';
import { EEXIST, O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from '../../native/constants.js';
import type { Command } from '../context.js';
import { stringifyJson } from '../../spec/json.js';
import { composeSpec } from '../spec/compose.js';

// eslint-disable-next-line @typescript-eslint/require-await -- commands are asynchronous
export const run: Command<'spec'> = async ({ native }, options, args) => {
  // An empty bundle is the current directory, as it is for `create`, and not the root of the host.
  const { bundle = '' } = options;
  const path = bundle === '' ? 'config.json' : `${bundle}/config.json`;
  const config = composeSpec(native, options, args);

  const fd = native.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666);
  if (fd === -EEXIST) {
    throw new TsrunError('ERR_EXISTS', `file ${path} exists. Remove it first`);
  }
  if (fd < 0) throw cannotWrite(path, native.strerror(-fd), -fd);
  const written = native.write(fd, `${stringifyJson(config, '\t')}\n`);
  const closed = native.close(fd);
  const error = written < 0 ? written : closed;
  if (error < 0) {
    native.unlink(path);
    throw cannotWrite(path, native.strerror(-error), -error);
  }
  return 0;
};

function cannotWrite(path: string, reason: string, errno: number): TsrunError {
  return new TsrunError('ERR_BUNDLE', `cannot write ${path}: ${reason}`, { errno });
}
