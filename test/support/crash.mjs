// A command whose program is killed in front of its n-th call into the native side that changes
// something, in the file system or for other processes:
//
//   node crash.mjs DIST ROOT ID BUNDLE N create|start|exec|delete
//
// Prints the number of calls when it gets to its end.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, root, id, bundle, last, command] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(dist, file)).href);
const { create } = await load('lifecycle/create.js');
const { start } = await load('lifecycle/start.js');
const { exec } = await load('lifecycle/exec.js');
const { deleteContainer } = await load('lifecycle/delete.js');
const { loadBundle } = await load('lifecycle/bundle.js');
const { loadNative } = await load('native/node.js');
const { StateRoot } = await load('state/root.js');

/** Between two of these a crash is the same crash. */
const READS = new Set(
  [
    'close read readText readTextAt readlink realpath stat lstat fstat readdir statfsType',
    'fstatfsType access receive getpid getuid getgid pidfdOpen reap strerror wait cancelWait',
    'openTreeAt memfd pipe setNonblocking dup loadDeviceProgram monotonicNs isTerminal',
  ]
    .join(' ')
    .split(' '),
);

const native = loadNative();
let calls = 0;
const mortal = new Proxy(native, {
  get: (target, name) => {
    const method = target[name];
    return (...args) => {
      if (!READS.has(name)) {
        calls += 1;
        if (calls === Number(last)) process.kill(process.pid, 'SIGKILL');
      }
      return method.apply(target, args);
    };
  },
});
const { path, spec } = loadBundle(native, bundle);
const common = { root: StateRoot.open(native, root), id, warn: () => undefined };
const stdio = [-1, -1, -1];
const commands = {
  create: () => create(mortal, { ...common, bundle: path, spec, stdio }),
  start: () => start(mortal, common),
  exec: () => exec(mortal, { ...common, process: spec.process, stdio }),
  delete: () => deleteContainer(mortal, { ...common, force: true }),
};
await commands[command]();
console.log(calls);
process.exit();
