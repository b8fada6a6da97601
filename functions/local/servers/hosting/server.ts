import { createReadStream, statSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { closeServer } from '../../runtime/closeServer.ts';
import { allowingEmulator, functionOf, type HostingConfig, headersOf, readHostingConfig } from './hostingConfig.ts';

export interface HostingServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface HostingOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly projectId: string;
  /** Where the Auth emulator is, e.g. `http://127.0.0.1:9099`. */
  readonly authEmulatorUrl: string;
  /** Where a function is: the path of the request is appended. */
  functionUrl(functionId: string): string;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** Stands in for Firebase Hosting: publishes the built page with the headers and rewrites of `firebase.json`, and tells
 *  it where the Auth emulator is. On the loopback interface only; rejects with code `EADDRINUSE` if the port is taken. */
export async function startHostingServer(options: HostingOptions): Promise<HostingServer> {
  const config = allowingEmulator(readHostingConfig(), options.authEmulatorUrl);
  const server = createServer((request, response) => {
    answer(config, options, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { 'content-type': 'text/plain' }).end(`the function cannot be reached: ${error}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the hosting server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      const closed = closeServer(server);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  config: HostingConfig,
  options: HostingOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const functionId = functionOf(config, pathname);
  if (functionId !== undefined) return passOn(options.functionUrl(functionId), request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'GET only');
  if (pathname === '/__/firebase/init.json') return sendText(response, 'application/json', json(appOf(options)));
  if (pathname === '/__/firebase/init.js') return sendText(response, 'text/javascript', initScript(options));
  return sendFile(config, pathname, response);
}

/** A request to a function keeps its path, and its headers but the host. */
async function passOn(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  const passed = httpRequest(`${target}${request.url ?? '/'}`, { method: request.method ?? 'GET', headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    passed.once('response', resolve);
    passed.once('error', reject);
  });
  await pipeline(request, passed);
  const incoming = await answered;
  response.writeHead(incoming.statusCode ?? 502, incoming.headers);
  await pipeline(incoming, response);
}

async function sendFile(config: HostingConfig, pathname: string, response: ServerResponse): Promise<void> {
  const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
  const file = normalize(join(config.public, decodeURIComponent(path)));
  const isInside = file.startsWith(`${config.public}${sep}`);
  if (!isInside || !statSync(file, { throwIfNoEntry: false })?.isFile()) return refuse(response, 404, 'Not found');
  response.writeHead(200, {
    ...headersOf(config, path),
    'Content-Type': contentTypes[extname(file)] ?? 'application/octet-stream',
  });
  await pipeline(createReadStream(file), response);
}

const json = (value: unknown) => JSON.stringify(value, undefined, 2);

/** A project of the emulators has no web app; the SDK only needs any key. */
const appOf = ({ projectId }: HostingOptions) => ({ apiKey: 'local', projectId, authDomain: '127.0.0.1' });

/** As Hosting's emulator writes it, as far as the page reads it. */
function initScript(options: HostingOptions): string {
  const { hostname, port, host } = new URL(options.authEmulatorUrl);
  const emulators = { auth: { host: hostname, port: Number(port), hostAndPort: host } };
  return `var firebaseConfig = ${json(appOf(options))};\nvar firebaseEmulators = ${json(emulators)};\n`;
}

function sendText(response: ServerResponse, contentType: string, text: string): void {
  response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-cache' }).end(text);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
}
