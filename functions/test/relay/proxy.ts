import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server, and does what networks do. */
export interface NetworkProxy {
  readonly port: number;
  /** From now on the connections that are open carry nothing more, in either direction, and say nothing about it. */
  mute(): void;
  /** Replaces bytes in what the server sends; both must be of the same length. */
  patch(from: Buffer, to: Buffer): void;
  close(): Promise<void>;
}

export async function startProxy(port: number): Promise<NetworkProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let patch: readonly [Buffer, Buffer] | undefined;
  const patched = (data: Buffer): Buffer => {
    if (patch === undefined) return data;
    const [from, to] = patch;
    for (let at = data.indexOf(from); at !== -1; at = data.indexOf(from, at + to.length)) to.copy(data, at);
    return data;
  };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => client.write(patched(data)));
    for (const socket of pair) {
      // One side that ends takes the other with it; what it failed with is the business of the one who wrote.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    mute() {
      for (const pair of pairs) for (const socket of pair) socket.removeAllListeners('data').resume();
    },
    patch(from, to) {
      patch = [from, to];
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const pair of pairs) for (const socket of pair) socket.destroy();
      }),
  };
}
