import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { closeServer } from '../runtime/closeServer.ts';

/** A server of this machine. */
export interface HttpServer {
  /** HOST:PORT */
  readonly host: string;
  readonly url: string;
  close(): Promise<void>;
}

/** Serves on the loopback interface only; rejects with code `EADDRINUSE` if the port is taken. 0: any free one. */
export async function serveHttp(
  port: number,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<HttpServer> {
  const server = createServer(getRequestListener(answer, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('an HTTP server has no port');
  const host = `127.0.0.1:${address.port}`;
  return { host, url: `http://${host}`, close: () => closeServer(server) };
}
