import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RelayHealth, RelayStatus } from '../relay/status/health.ts';

/** An HTTP endpoint that says how the relay is. */
export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Whether a relay does what it should: it stands by, or what it publishes is at most `maxLagMs` behind. */
export function isHealthy(status: RelayStatus, maxLagMs: number): boolean {
  return status.lagMs === null || status.lagMs <= maxLagMs;
}

/** Answers every GET with the status as JSON: 200 while healthy, 503 otherwise. Rejects when the port cannot be had. */
export async function startHealthServer(
  health: Pick<RelayHealth, 'status'>,
  port: number,
  maxLagMs: number,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const status = health.status();
    response.writeHead(isHealthy(status, maxLagMs) ? 200 : 503, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ ...status, maxLagMs })}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the health endpoint has no port');
  return address.port;
}
