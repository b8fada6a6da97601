import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedCall {
  readonly path: string;
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A receiver of webhooks on this machine. */
export interface WebhookServer {
  readonly url: string;
  readonly calls: ReceivedCall[];
  /** Statuses that the next calls are answered with, one each; after these, 200. */
  readonly answers: number[];
  /** Until `release`, calls are not answered. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const calls: ReceivedCall[] = [];
  const answers: number[] = [];
  let held: (() => void)[] | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push({
        path: request.url ?? '',
        key: String(request.headers['idempotency-key']),
        body: JSON.parse(Buffer.concat(chunks).toString('utf8')),
      });
      const answer = () => response.writeHead(answers.shift() ?? 200, { location: '/elsewhere' }).end();
      if (held === undefined) answer();
      else held.push(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    calls,
    answers,
    hold() {
      held ??= [];
    },
    release() {
      const waiting = held ?? [];
      held = undefined;
      for (const answer of waiting) answer();
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
