// Runs a command in a container: node examples/sandbox.mjs BUNDLE COMMAND [ARGUMENT]...
// BUNDLE is a directory with a root file system in rootfs/ and a config.json (tsrun spec).
import { createContainer, loadBundle } from 'tsrun';

const [directory, ...args] = process.argv.slice(2);
const bundle = await loadBundle(directory);
bundle.spec.process = { cwd: '/', ...bundle.spec.process, args, terminal: false };
const container = await createContainer({ id: `sandbox-${process.pid}`, bundle });
try {
  await container.start();
  const { status, signal } = await container.wait();
  process.exitCode = signal === 0 ? status : 128 + signal;
} finally {
  await container.delete({ force: true });
}
