import { createServer, type ServerResponse } from 'node:http';

/** The body of a push request. */
export interface PushBody {
  readonly message: {
    readonly data: string;
    readonly messageId: string;
    readonly message_id: string;
    readonly publishTime: string;
    readonly publish_time: string;
    readonly attributes: Record<string, string>;
    readonly orderingKey?: string;
  };
  readonly subscription: string;
  readonly deliveryAttempt?: number;
}

export interface PushRequest {
  readonly body: PushBody;
  readonly text: string;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly socketPort: number | undefined;
  readonly response: ServerResponse;
  answer(status: number): void;
  /** Whether the caller has disconnected. */
  aborted(): boolean;
}

/** An HTTP endpoint of a test: `handle` decides about every request. */
export interface PushEndpoint {
  readonly url: string;
  readonly requests: PushRequest[];
  close(): Promise<void>;
}

export async function startPushEndpoint(handle: (request: PushRequest) => void): Promise<PushEndpoint> {
  const requests: PushRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    let gone = false;
    response.on('close', () => {
      gone = !response.writableFinished;
    });
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body: PushBody = JSON.parse(Buffer.concat(chunks).toString());
      const request: PushRequest = {
        body,
        text: Buffer.from(body.message.data, 'base64').toString(),
        headers: incoming.headers,
        socketPort: incoming.socket.remotePort,
        response,
        answer: (status) => {
          response.writeHead(status).end();
        },
        aborted: () => gone,
      };
      requests.push(request);
      handle(request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the endpoint has no port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    requests,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
