/**
 * A client of the Kubernetes Container Runtime Interface for shell scripts, as
 * one program in the guest: POST /METHOD with a request in JSON is answered with
 * the response in JSON, or with `error CODE MESSAGE`. A process for each call
 * would take Node's start for each, a second under emulation.
 *
 *   node cri-server.cjs API.PROTO SOCKET PORT     prints `ready` when it listens
 */

import { createServer } from 'node:http';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const DEADLINE_MS = 120_000;

type Call = (
  request: unknown,
  options: { deadline: number },
  done: (error: ServiceError | null, reply: unknown) => void,
) => void;

type Service = new (address: string, credentials: unknown) => Record<string, Call>;

interface Api {
  runtime: { v1: { RuntimeService: Service; ImageService: Service } };
}

const [proto = '', socket = '', port = ''] = process.argv.slice(2);
const definition = loadSync(proto, { keepCase: true, longs: String, enums: String });
const api = loadPackageDefinition(definition) as unknown as Api;
const services = [api.runtime.v1.RuntimeService, api.runtime.v1.ImageService].map(
  (Service) => new Service(`unix:${socket}`, credentials.createInsecure()),
);

createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    const method = (request.url ?? '').slice(1);
    const done = (error: ServiceError | null, reply: unknown): void => {
      response.end(error ? `error ${error.code} ${error.details}` : JSON.stringify(reply, asText));
    };
    try {
      const service = services.find((one) => typeof one[method] === 'function');
      if (service === undefined) throw new Error(`there is no method ${method}`);
      service[method]?.(JSON.parse(body), { deadline: Date.now() + DEADLINE_MS }, done);
    } catch (error) {
      response.end(`error 0 ${String(error)}`);
    }
  });
}).listen(Number(port), '127.0.0.1', () => {
  console.log('ready');
});

/** What a Buffer has made of itself for JSON, as text: output of programs. */
function asText(_: string, value: unknown): unknown {
  const buffer = value as { type?: unknown; data?: number[] } | null;
  if (buffer?.type !== 'Buffer' || buffer.data === undefined) return value;
  return Buffer.from(buffer.data).toString();
}
