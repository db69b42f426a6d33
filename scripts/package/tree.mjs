// A directory of files for a package, whose bytes, modes and times depend on nothing but what is put in.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export class Tree {
  /** @param {string} path is made @param {number} epoch seconds: the time of all files */
  constructor(path, epoch) {
    this.path = path;
    this.epoch = epoch;
    mkdirSync(path, { recursive: true });
  }

  /** @param {string} name relative @param {string | Buffer} contents */
  write(name, contents, mode = 0o644) {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
    chmodSync(file, mode);
  }

  copy(name, from, mode = 0o644) {
    this.write(name, readFileSync(from), mode);
  }

  /** All files, sorted. */
  files(below = '') {
    return readdirSync(join(this.path, below), { withFileTypes: true })
      .flatMap((entry) => {
        const name = below === '' ? entry.name : `${below}/${entry.name}`;
        return entry.isDirectory() ? this.files(name) : [name];
      })
      .sort();
  }

  /** Once all is there: modes, whatever the umask of a checkout, and times. */
  seal(below = '') {
    const path = join(this.path, below);
    const stat = lstatSync(path);
    chmodSync(path, stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
    if (stat.isDirectory()) {
      for (const name of readdirSync(path)) this.seal(join(below, name));
    }
    utimesSync(path, this.epoch, this.epoch);
  }
}
