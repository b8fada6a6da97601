import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { FunctionRequest } from './callFunction.ts';
import { closeServer } from './closeServer.ts';

/** What the front door answers with: objects are sent as JSON. `streamed`: the function has answered by itself. */
export type Answer = { readonly status: number; readonly body?: object | string } | 'streamed';

export interface FrontDoorRoutes {
  /** GET / */
  list(): object;
  /** A delivery of Pub/Sub to the function. */
  push(name: string, request: FunctionRequest): Promise<Answer>;
  /** Any other request to the function. `signal` is aborted when the client is gone. */
  call(name: string, request: FunctionRequest, signal: AbortSignal): Promise<Answer>;
}

/** The HTTP server in front of all functions: its port stays while their processes come and go. */
export interface FrontDoor {
  readonly url: string;
  /** Where Pub/Sub delivers the messages of a function. */
  pushEndpoint(name: string): string;
  /** Takes no more requests; resolves when those under way are answered or `graceMs` of the machine's time have
   *  passed. */
  close(graceMs: number): Promise<void>;
}

const pushPrefix = '_push';

/** Headers that belong to one connection and are not passed on. */
const hopByHopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'expect']);

/** Opens the front door on 127.0.0.1; rejects with code `EADDRINUSE` if the port is taken. */
export async function openFrontDoor(port: number, routes: FrontDoorRoutes): Promise<FrontDoor> {
  const server = createServer((incoming, response) => {
    answer(incoming, response, routes).then(
      (result) => send(response, result),
      (error: unknown) => send(response, { status: 500, body: { error: String(error) } }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The front door has no port.');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    pushEndpoint: (name) => `${url}/${pushPrefix}/${encodeURIComponent(name)}`,
    async close(graceMs) {
      const closed = closeServer(server);
      const hurry = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(hurry);
    },
  };
}

async function answer(incoming: IncomingMessage, response: ServerResponse, routes: FrontDoorRoutes): Promise<Answer> {
  const { pathname, search } = new URL(incoming.url ?? '/', 'http://localhost');
  const [first = '', ...rest] = pathname.split('/').slice(1).map(decodeURIComponent);
  const request = (path: readonly string[]) => ({
    method: incoming.method ?? 'GET',
    path: `/${path.map(encodeURIComponent).join('/')}${search}`,
    headers: passedOn(incoming.headers),
  });
  if (first === '') {
    if (incoming.method === 'GET') return { status: 200, body: routes.list() };
    return { status: 405, body: { error: 'GET / lists the functions; POST /NAME runs one.' } };
  }
  if (first === pushPrefix) return routes.push(rest[0] ?? '', { ...request([]), body: await buffer(incoming) });
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const receive = (status: number, headers: IncomingHttpHeaders) => {
    response.writeHead(status, passedOn(headers)).flushHeaders();
    return response;
  };
  return routes.call(first, { ...request(rest), body: incoming, receive }, gone.signal);
}

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHopHeaders.has(name)));
}

function send(response: ServerResponse, result: Answer): void {
  if (result === 'streamed') return;
  // What has begun cannot be taken back: a broken connection says that the rest is missing.
  if (response.headersSent) response.destroy();
  else if (result.body === undefined || typeof result.body === 'string') {
    response.writeHead(result.status).end(result.body);
  } else {
    response.writeHead(result.status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(result.body, undefined, 2)}\n`);
  }
}
