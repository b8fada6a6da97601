import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';

/** The port of a gRPC server, with the connections on it. */
export interface GrpcListener {
  readonly port: number;
  close(): Promise<void>;
}

/** The connections of a gRPC server that is yet to listen. */
export interface Connections {
  /** Destroys the connection from this peer, as a call names it. */
  drop(peer: string): void;
  /** Listens for them; rejects with code `EADDRINUSE` if the port is taken. 0 is any free port. */
  listen(grpc: Server, port: number, host: string): Promise<GrpcListener>;
}

/** The sockets are accepted here and not by gRPC, so that a fault can destroy one and a taken port is an ordinary
 *  error. */
export function createConnections(): Connections {
  const sockets = new Map<string, Socket>();
  return {
    drop: (peer) => void sockets.get(peer)?.destroy(),
    async listen(grpc, port, host) {
      const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
      const listener = createServer({ noDelay: true }, (socket) => {
        const peer = `${socket.remoteAddress}:${socket.remotePort}`;
        sockets.set(peer, socket);
        socket.on('close', () => sockets.delete(peer));
        injector.injectConnection(socket);
      });
      listener.listen(port, host);
      await once(listener, 'listening');
      const address = listener.address();
      if (address === null || typeof address === 'string') throw new Error('the gRPC server listens on no port');
      return {
        port: address.port,
        async close() {
          const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
          grpc.forceShutdown();
          for (const socket of sockets.values()) socket.destroy();
          await closed;
        },
      };
    },
  };
}
