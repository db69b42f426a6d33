// What npm install runs: sees that the package with the addon for this platform is there and fits, and
// builds the addon else. Says which of the two, and why.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** That of NAPI_VERSION in CMakeLists.txt. */
const NODE_API = 8;

const root = join(import.meta.dirname, '..');
const require = createRequire(join(root, 'package.json'));
/** As scripts/package/npm.mjs and src/native/node.ts name it. */
const addonPackage = `tsrun-${platform()}`;

function main() {
  const reason = whyBuild();
  if (reason === undefined) {
    console.log(`tsrun: uses the addon of ${addonPackage}`);
    return 0;
  }
  console.log(`tsrun: builds its addon: ${reason}`);
  const missing = missingModules();
  if (missing.length > 0) {
    console.error(`tsrun: the addon cannot be built yet: npm install ${missing.join(' ')}`);
    return 1;
  }
  const { status } = spawnSync('npm', ['run', 'build:native'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(
      'tsrun: the addon could not be built. It needs cmake, make, g++, libseccomp, libsystemd and libcap\n' +
        '(Debian: apt-get install cmake make g++ libseccomp-dev libsystemd-dev libcap-dev)',
    );
  }
  return status ?? 1;
}

/** Undefined where the package with the addon fits. */
function whyBuild() {
  // Not in the package.
  if (existsSync(join(root, 'tsconfig.json'))) return 'this is a source tree';
  if (process.env.npm_config_build_from_source === 'true') {
    return 'npm_config_build_from_source is set';
  }
  const version = Number(process.versions.napi);
  if (version < NODE_API) {
    return `this Node has version ${version} of Node-API, and it needs ${NODE_API}`;
  }
  let addon;
  try {
    addon = require.resolve(addonPackage);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return `${addonPackage} is not installed`;
  }
  // Versions of symbols, missing libraries: the loader knows. Not in this process, which it could end.
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    [
      '-e',
      'try { require(process.argv[1]) } catch (error) { console.error(error.message); process.exit(1) }',
      addon,
    ],
    { encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return `that of ${addonPackage} cannot be loaded here (${said || (signal ?? `status ${status}`)})`;
}

/** Optional peers, which a build alone needs: those that are not there, as npm install takes them. */
function missingModules() {
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const isThere = (name) =>
    require.resolve.paths(name).some((path) => existsSync(join(path, name, 'package.json')));
  return Object.entries(peerDependencies)
    .filter(([name]) => !isThere(name))
    .map(([name, range]) => `'${name}@${range}'`);
}

function platform() {
  // Node says which glibc it runs on; with another C library it says nothing.
  const { glibcVersionRuntime } = process.report.getReport().header;
  const libc = glibcVersionRuntime === undefined ? 'other' : 'glibc';
  return `${process.platform}-${process.arch}-${libc}`;
}

process.exitCode = main();
