/**
 * A client of the Kubernetes Container Runtime Interface for shell scripts, as
 * one program in the guest. A process for each call would take Node's start for
 * each, a second under emulation.
 *
 *   node cri-server.cjs API.PROTO SOCKET PORT     prints `ready` when it listens
 *
 * POST /METHOD with a request in JSON is answered with the response in JSON, or
 * with `error CODE MESSAGE`. POST /stream/METHOD, for Exec, Attach and
 * PortForward, takes a StreamRequest and says what the stream has brought.
 */

import { createServer } from 'node:http';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

import { stream } from './cri-stream.js';
import type { StreamRequest } from './cri-stream.js';

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
    answer((request.url ?? '').slice(1), body).then(
      (reply) => response.end(JSON.stringify(reply, asText)),
      (error: unknown) => response.end(error instanceof Error ? error.message : String(error)),
    );
  });
}).listen(Number(port), '127.0.0.1', () => {
  console.log('ready');
});

async function answer(path: string, body: string): Promise<unknown> {
  if (!path.startsWith('stream/')) return call(path, JSON.parse(body));
  const request = JSON.parse(body) as StreamRequest;
  const { url } = (await call(path.replace('stream/', ''), request.request)) as { url: string };
  return stream(url, request, DEADLINE_MS);
}

function call(method: string, request: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const service = services.find((one) => typeof one[method] === 'function');
    if (service === undefined) throw new Error(`error: there is no method ${method}`);
    service[method]?.(request, { deadline: Date.now() + DEADLINE_MS }, (error, reply) => {
      if (error) reject(new Error(`error ${error.code} ${error.details}`));
      else resolve(reply);
    });
  });
}

/** What a Buffer has made of itself for JSON, as text: output of programs. */
function asText(_: string, value: unknown): unknown {
  const buffer = value as { type?: unknown; data?: number[] } | null;
  if (buffer?.type !== 'Buffer' || buffer.data === undefined) return value;
  return Buffer.from(buffer.data).toString();
}
