// What npm install runs: takes the addon that the package brings where it fits
// this machine, and builds it elsewhere. Says which of the two, and why.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** That of NAPI_VERSION in CMakeLists.txt. */
const NODE_API = 8;

const root = join(import.meta.dirname, '..');
const target = join(root, 'native/build/Release/tsrun.node');

function main() {
  const { prebuilt, reason } = findPrebuilt();
  if (prebuilt !== undefined) {
    mkdirSync(dirname(target), { recursive: true });
    // Never half of it.
    copyFileSync(prebuilt, `${target}.new`);
    renameSync(`${target}.new`, target);
    console.log(`tsrun: uses the addon of the package for ${platform()}`);
    return 0;
  }
  console.log(`tsrun: builds its addon: ${reason}`);
  const { status } = spawnSync('npm', ['run', 'build:native'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(
      'tsrun: the addon could not be built. It needs cmake, make, g++, libseccomp, libsystemd and libcap\n' +
        '(Debian: apt-get install cmake make g++ libseccomp-dev libsystemd-dev libcap-dev)',
    );
  }
  return status ?? 1;
}

/** The file that fits, or the reason why there is none. */
function findPrebuilt() {
  const prebuilts = join(root, 'prebuilds');
  if (!existsSync(prebuilts)) return { reason: 'this is a source tree' };
  if (process.env.npm_config_build_from_source === 'true') {
    return { reason: 'npm_config_build_from_source is set' };
  }
  const prebuilt = join(prebuilts, platform(), 'tsrun.node');
  if (!existsSync(prebuilt)) return { reason: `the package has none for ${platform()}` };
  const version = Number(process.versions.napi);
  if (version < NODE_API) {
    return { reason: `this Node has version ${version} of Node-API, and it needs ${NODE_API}` };
  }
  // Versions of symbols, missing libraries: the loader knows. Not in this process, which it could end.
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    [
      '-e',
      'try { require(process.argv[1]) } catch (error) { console.error(error.message); process.exit(1) }',
      prebuilt,
    ],
    { encoding: 'utf8' },
  );
  if (status === 0) return { prebuilt };
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return {
    reason: `that of the package cannot be loaded here (${said || (signal ?? `status ${status}`)})`,
  };
}

/** As the directories of prebuilds/ are named. */
function platform() {
  // Node says which glibc it runs on; with another C library it says nothing.
  const { glibcVersionRuntime } = process.report.getReport().header;
  const libc = glibcVersionRuntime === undefined ? 'other' : 'glibc';
  return `${process.platform}-${process.arch}-${libc}`;
}

process.exitCode = main();
