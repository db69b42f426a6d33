/**
 * What the kubelet is handed on for: `exec`, `attach` and `port-forward` of
 * kubectl, over a WebSocket whose messages begin with the number of a channel.
 */

import WebSocket from 'ws';

export interface StreamRequest {
  /** Of the method. */
  request: unknown;
  /** Goes to standard input, or through the forwarded port. */
  input?: string;
  /** Columns and rows of the terminal. */
  size?: [number, number];
  /** The stream is closed when this has come; else it ends with the program. */
  until?: string;
  /** The port that is forwarded. */
  port?: number;
}

export interface StreamReply {
  stdout: string;
  stderr: string;
  /** Of the program, where it has ended. */
  status?: number;
}

const PROTOCOL = 'v4.channel.k8s.io';
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const END = 3;
const SIZE = 4;
/** Of a forwarded port, whose messages come and go on one. */
const DATA = 0;

/** How the program has ended, in the words of the Kubernetes API. */
interface Status {
  status: string;
  message?: string;
  details?: { causes?: { reason: string; message: string }[] };
}

export function stream(url: string, request: StreamRequest, timeoutMs: number) {
  return new Promise<StreamReply>((resolve, reject) => {
    const { input, size, until, port } = request;
    const query = port === undefined ? '' : `?port=${port}`;
    const socket = new WebSocket(url.replace(/^http/, 'ws') + query, [PROTOCOL]);
    const reply: StreamReply = { stdout: '', stderr: '' };
    let ending: Status | undefined;
    const timer = setTimeout(() => {
      reject(new Error(`error: the stream does not end: ${JSON.stringify(reply)}`));
      socket.terminate();
    }, timeoutMs);

    const send = (channel: number, text: string): void => {
      socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
    };
    socket.on('open', () => {
      if (size !== undefined) send(SIZE, JSON.stringify({ Width: size[0], Height: size[1] }));
      if (input !== undefined) send(port === undefined ? STDIN : DATA, input);
    });
    // Of a port the first message of each channel is its number.
    const ignored = new Set<number>();
    socket.on('message', (data: Buffer) => {
      const channel = data[0] ?? -1;
      const text = data.subarray(1).toString();
      if (port !== undefined) {
        if (!ignored.has(channel)) ignored.add(channel);
        else if (channel === DATA) reply.stdout += text;
        else reply.stderr += text;
      } else if (channel === STDOUT) reply.stdout += text;
      else if (channel === STDERR) reply.stderr += text;
      else if (channel === END) ending = JSON.parse(text) as Status;
      if (until !== undefined && reply.stdout.includes(until)) socket.close();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      const cause = ending?.details?.causes?.find(({ reason }) => reason === 'ExitCode');
      if (ending?.status === 'Success') reply.status = 0;
      else if (cause !== undefined) reply.status = Number(cause.message);
      else if (ending !== undefined) reply.stderr += ending.message ?? ending.status;
      resolve(reply);
    });
  });
}
