/** Making and finding containers. */

import { create } from '../lifecycle/create.js';
import { listed } from '../lifecycle/list.js';
import type { ListedView } from '../lifecycle/state.js';
import { environment, turns } from '../native/node.js';
import { findState, notFound } from '../state/store.js';
import { Container } from './container.js';
import { copied } from './copied.js';
import {
  bundleOf,
  contextOf,
  fromHere,
  prepareOptions,
  streams,
  traceEntries,
  withRoot,
} from './options.js';
import type { ContainerOptions, CreateContainerOptions, RootOptions } from './options.js';

/**
 * Makes a container: everything is set up, and its process waits for start().
 * Calls may run at the same time. When one fails, nothing is left of it.
 *
 * What the options hold is taken as it is at the call. Descriptors among them, and the files of the
 * bundle, have to stay until the promise is settled.
 *
 * @throws TsrunError ERR_ID_INVALID, ERR_EXISTS; ERR_BUNDLE, ERR_CONFIG_INVALID,
 *   ERR_UNSUPPORTED for the configuration, with its JSON pointer; ERR_HOOK;
 *   ERR_EXEC when the program is not there; ERR_CONSOLE, ERR_CGROUP, ERR_STATE,
 *   ERR_PERMISSION, ERR_SYSTEM for what the kernel refuses
 */
export async function createContainer(given: CreateContainerOptions): Promise<Container> {
  const context = contextOf(given);
  const { native, warn } = context;
  const options = fromHere(native, copied(given));
  const path = environment()['PATH'];
  await turns.next();
  const { id, consoleSocket, pidFile, pidfdSocket, preserveFds, trace } = options;
  const bundle = bundleOf(native, options);
  await turns.next();
  const request = {
    ...prepareOptions(native, options),
    id,
    bundle: bundle.path,
    spec: bundle.spec,
    stdio: streams(options.stdio),
    preserve: preserveFds ?? [],
    warn,
    ...context.hooks,
    turn: () => turns.next(),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(path === undefined ? {} : { path }),
    ...(trace === undefined ? {} : { trace: traceEntries(trace) }),
  };
  const created = await withRoot(context, (root) => create(native, { ...request, root }));
  return new Container(context, id, created.state.pid, created.pidfd);
}

/**
 * An existing container, made by this program or by another, tsrun's command
 * line included. Of one whose create was killed half-way there is an object
 * too, with pid 0: its delete with `force` removes what is left.
 *
 * @throws TsrunError ERR_NOT_FOUND, ERR_ID_INVALID, ERR_STATE
 */
export async function getContainer(id: string, options: ContainerOptions = {}): Promise<Container> {
  const context = contextOf(options);
  await turns.next();
  const found = await withRoot(context, (root) => findState(context.native, root, id));
  if (found.kind === 'absent') throw notFound(id);
  return new Container(context, id, found.kind === 'state' ? found.state.pid : 0, -1);
}

/**
 * The states of all containers below the root directory, sorted by id. The status of one that cannot
 * be looked at is `unknown`; `warn` is told why.
 *
 * @throws TsrunError ERR_STATE
 */
export async function listContainers(options: RootOptions = {}): Promise<ListedView[]> {
  const context = contextOf(options);
  const { native, warn } = context;
  await turns.next();
  return withRoot(context, async (root) => {
    const views: ListedView[] = [];
    for (const view of listed(native, { root, warn })) {
      if (view !== undefined) views.push(view);
      if (turns.isSpent()) await turns.next();
    }
    return views;
  });
}
