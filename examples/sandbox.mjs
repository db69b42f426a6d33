// Runs a command in a container: node examples/sandbox.mjs BUNDLE COMMAND [ARGUMENT]...
// BUNDLE is a directory with a root file system in rootfs/ and a config.json (tsrun spec).
import { createContainer, loadBundle } from 'tsrun';

const [bundle, ...args] = process.argv.slice(2);
const config = await loadBundle(bundle);
config.process = { ...config.process, args, terminal: false };
const container = await createContainer({ id: `sandbox-${process.pid}`, bundle, config });
try {
  await container.start();
  const { status, signal } = await container.wait();
  process.exitCode = signal === 0 ? status : 128 + signal;
} finally {
  await container.delete({ force: true });
}
