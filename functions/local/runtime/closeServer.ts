import type { Server } from 'node:http';

/** Takes no more connections, lets the requests under way be answered, and resolves when the last connection is closed.
 *  Node alone would wait for connections that are kept alive after their last answer. */
export function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
  return closed.finally(() => clearInterval(sweep));
}

/** How often to look for connections that have become idle, in ms: short against the time a process takes to end. */
const sweepMs = 10;
