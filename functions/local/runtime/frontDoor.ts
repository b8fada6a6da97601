import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FunctionRequest } from './callFunction.ts';
import { closeServer } from './closeServer.ts';

/** What the front door answers with. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Text and bytes are sent as they are, objects as JSON. */
  readonly body?: object | string | Buffer;
}

export interface FrontDoorRoutes {
  /** GET / */
  list(): object;
  /** A delivery of Pub/Sub to the function. */
  push(name: string, request: FunctionRequest): Promise<Answer>;
  /** Any other request to the function. */
  call(name: string, request: FunctionRequest): Promise<Answer>;
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
const hopByHopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host', 'expect']);

/** Opens the front door on 127.0.0.1; rejects with code `EADDRINUSE` if the port is taken. */
export async function openFrontDoor(port: number, routes: FrontDoorRoutes): Promise<FrontDoor> {
  const server = createServer((incoming, response) => {
    answer(incoming, routes).then(
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

async function answer(incoming: IncomingMessage, routes: FrontDoorRoutes): Promise<Answer> {
  const { pathname, search } = new URL(incoming.url ?? '/', 'http://localhost');
  const [first = '', ...rest] = pathname.split('/').slice(1).map(decodeURIComponent);
  const headers = Object.entries(incoming.headers).filter(([name]) => !hopByHopHeaders.has(name));
  const request = (path: readonly string[], body: Buffer): FunctionRequest => ({
    method: incoming.method ?? 'GET',
    path: `/${path.map(encodeURIComponent).join('/')}${search}`,
    headers: Object.fromEntries(headers),
    body,
  });
  if (first === '') {
    if (incoming.method === 'GET') return { status: 200, body: routes.list() };
    return { status: 405, body: { error: 'GET / lists the functions; POST /NAME runs one.' } };
  }
  const body = await readBody(incoming);
  if (first === pushPrefix) return routes.push(rest[0] ?? '', request([], body));
  return routes.call(first, request(rest, body));
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHopHeaders.has(name)) response.setHeader(name, value);
  }
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    response.writeHead(status).end(body);
    return;
  }
  response.setHeader('content-type', 'application/json');
  response.writeHead(status).end(`${JSON.stringify(body, undefined, 2)}\n`);
}
