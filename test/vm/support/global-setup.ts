/**
 * Boots one virtual machine for the whole suite. Workers reach it through a
 * socket of ours, so that it sees one connection that does not end.
 */

import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';

import { fillForManagers } from '../managers/support/fill.js';
import { RESULTS, formatResults, readResults } from '../managers/support/results.js';
import { fill } from './fill.js';
import { boot } from './machine.js';
import { findRequirements } from './requirements.js';
import { readLines } from './relay.js';
import type { Reply, Request, VmPlace } from './relay.js';

export default async function setup(): Promise<() => Promise<void>> {
  const requirements = findRequirements();
  if (typeof requirements === 'string') {
    announce({ skip: requirements });
    return () => Promise.resolve();
  }

  const started = Date.now();
  const machine = await boot(requirements, (share) => {
    fill(share);
    fillForManagers(share);
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`virtual machine: up after ${seconds} s (${machine.accelerator})`);

  let report: string | undefined;
  const clients = new Set<Socket>();
  const tell = (reply: Reply): void => {
    for (const client of clients) client.write(`${JSON.stringify(reply)}\n`);
  };
  machine.onDone((name) => tell({ done: name }));
  machine.onDead((text) => {
    report = text;
    tell({ dead: text });
  });
  const server = createServer((client) => {
    clients.add(client);
    if (report !== undefined) tell({ dead: report });
    readLines(client, (line) => {
      const request = JSON.parse(line) as Request;
      if ('ask' in request) machine.ask(request.ask);
      else machine.kill(request.kill);
    });
    client.on('error', () => undefined);
    client.on('close', () => clients.delete(client));
  });
  const socket = join(dirname(machine.share), 'relay.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  announce({ socket, share: machine.share });
  const results = join(dirname(machine.share), 'results');
  process.env[RESULTS] = results;

  return async () => {
    server.close();
    for (const client of clients) client.destroy();
    const table = formatResults(readResults(results));
    if (table !== '') console.log(`\nOperations of managers, with tsrun and with crun:\n${table}`);
    await machine.remove();
  };
}

/** Workers have it from the environment. */
function announce(place: VmPlace): void {
  process.env['TSRUN_VM'] = JSON.stringify(place);
}
