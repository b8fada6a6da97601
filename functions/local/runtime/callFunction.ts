import http from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorHeader } from './wire.ts';

/** A request to a function. */
export interface FunctionRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  /** A stream is passed on as it comes. */
  readonly body: Buffer | Readable;
  /** Where the answer goes as it comes, chunk by chunk; without, it is collected. */
  readonly receive?: (status: number, headers: http.IncomingHttpHeaders) => Writable;
}

export interface FunctionResponse {
  readonly status: number;
  /** Empty where the request had a receiver. */
  readonly body: Buffer;
  /** The first line of the error that the function logged or threw. */
  readonly error: string | undefined;
}

/** Sends a request to the process on `port` and resolves when it is answered in full; rejects when the connection
 *  breaks, which means that the process died, or by `signal`. */
export async function callFunction(
  port: number,
  agent: http.Agent,
  request: FunctionRequest,
  signal: AbortSignal,
): Promise<FunctionResponse> {
  const { method, path, headers, body, receive } = request;
  const call = http.request({ host: '127.0.0.1', port, agent, signal, method, path, headers });
  const responded = new Promise<http.IncomingMessage>((resolve, reject) => {
    call.on('response', resolve);
    call.on('error', reject);
  });
  if (Buffer.isBuffer(body)) {
    call.setHeader('content-length', body.length);
    call.end(body);
  } else {
    pipeOnceConnected(call, body);
  }
  const response = await responded;
  const { [errorHeader]: error, ...rest } = response.headers;
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  if (receive) await pipeline(response, receive(status, rest));
  else for await (const chunk of response) chunks.push(chunk);
  return {
    status,
    body: Buffer.concat(chunks),
    error: typeof error === 'string' ? decodeURIComponent(error) : undefined,
  };
}

/** Nothing of a stream is consumed before there is a connection: a refused one leaves it for the next try. */
function pipeOnceConnected(call: http.ClientRequest, body: Readable): void {
  call.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => body.pipe(call));
    else body.pipe(call);
  });
}

/** A POST of JSON. */
export function jsonRequest(body: unknown, headers: http.OutgoingHttpHeaders = {}): FunctionRequest {
  return {
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}
