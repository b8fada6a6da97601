import http from 'node:http';
import { errorHeader } from './wire.ts';

/** A request to a function. */
export interface FunctionRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: Buffer;
}

export interface FunctionResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** The first line of the error that the function logged or threw. */
  readonly error: string | undefined;
}

/** Sends a request to the process on `port`; rejects when the connection breaks, which means that the process died, or
 *  by `signal`. */
export function callFunction(
  port: number,
  agent: http.Agent,
  request: FunctionRequest,
  signal: AbortSignal,
): Promise<FunctionResponse> {
  return new Promise((resolve, reject) => {
    const call = http.request(
      {
        host: '127.0.0.1',
        port,
        agent,
        signal,
        method: request.method,
        path: request.path,
        headers: { ...request.headers, 'content-length': request.body.length },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const error = response.headers[errorHeader];
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
            error: typeof error === 'string' ? decodeURIComponent(error) : undefined,
          });
        });
      },
    );
    call.on('error', reject);
    call.end(request.body);
  });
}

/** A POST of JSON. */
export function jsonRequest(body: unknown, headers: http.OutgoingHttpHeaders = {}, path = '/'): FunctionRequest {
  return {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}
