import { createServer, type Socket } from 'node:net';
import { type Timestamp, UUID } from 'bson';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { scramSecret } from './auth/scram.ts';
import { serveConnection } from './connection.ts';
import { createDeployment } from './deployment.ts';
import { toTimestamp } from './storage/clusterClock.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface MongoServerOptions {
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** The address to listen on, 127.0.0.1 by default. */
  readonly host?: string;
  /** The clock behind cluster times, timeouts and latencies; the machine's by default. */
  readonly clock?: Clock;
  /** How many entries the log for change streams keeps; 100,000 by default. */
  readonly oplogLimit?: number;
  /** Takes lines about what went wrong inside; nothing by default. */
  readonly log?: (line: string) => void;
  /** The name of the set, `rs0` by default; `null`: a standalone, without change streams and transactions. */
  readonly replicaSet?: string | null;
  /** Serves change streams as a router of a sharded cluster does: it answers before its shards have. */
  readonly routed?: boolean;
  /** The user that the server begins with, of the role `root`; with it, every command needs a user who may run it. */
  readonly auth?: Credentials;
  /** Numbers in [0, 1) for `$sample` and `$rand`. */
  readonly random?: () => number;
}

/** What a server holds at the moment. */
export interface MongoServerStats {
  readonly connections: number;
  readonly cursors: number;
  readonly sessions: number;
  readonly transactions: number;
  readonly documents: number;
  readonly oplogEntries: number;
}

/** A MongoDB server in this process and in memory, on a real socket. */
export interface MongoServer {
  readonly port: number;
  /** For the user of `auth`, if there is one. */
  readonly uri: string;
  /** For another user, of the database `admin`. */
  uriOf(credentials: Credentials): string;
  /** The time of the latest write. */
  readonly clusterTime: Timestamp;
  /**
   * Ceases to be primary, as in an election: cursors and transactions end, what waits is interrupted with 11602, and
   * commands are answered with 10107 until `stepUp` or, if given, for so many ms of the server's clock. Connections
   * stay open, as on any server since MongoDB 4.2.
   */
  stepDown(forMs?: number): void;
  stepUp(): void;
  /** Breaks all connections, as a crash or the network would; what they were waiting for ends too. */
  dropConnections(): void;
  /** Forgets the whole log: resuming from anywhere before now is answered with 286. */
  truncateOplog(): void;
  stats(): MongoServerStats;
  close(): Promise<void>;
}

const defaultOplogLimit = 100_000;

/** Starts a server. Rejects with the error of the socket, for instance code `EADDRINUSE` if the port is taken. */
export async function startMongoServer(options: MongoServerOptions = {}): Promise<MongoServer> {
  const { host = '127.0.0.1', clock = systemClock, replicaSet = 'rs0', log = () => undefined } = options;
  const sockets = new Set<Socket>();
  let port = options.port ?? 0;
  // Clients are told an address that they can connect to, also when the server listens on all of them.
  const advertised = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const deployment = createDeployment({
    clock,
    replicaSet,
    oplogLimit: options.oplogLimit ?? defaultOplogLimit,
    random: options.random ?? Math.random,
    routed: options.routed ?? false,
    enforceUsers: options.auth !== undefined,
    address: () => `${advertised}:${port}`,
  });
  if (options.auth) {
    const { user, password } = options.auth;
    const roles = [{ name: 'root', db: 'admin' }];
    deployment.users.put({ name: user, db: 'admin', id: new UUID(), secret: scramSecret(password), roles });
  }
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serveConnection(socket, connections, { deployment, log });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (typeof address === 'object' && address) port = address.port;

  const dropConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  const { election } = deployment;
  const uriOf = (credentials?: Credentials) => {
    const who = credentials ? `${[credentials.user, credentials.password].map(encodeURIComponent).join(':')}@` : '';
    return `mongodb://${who}${advertised}:${port}/${replicaSet === null ? '' : `?replicaSet=${replicaSet}`}`;
  };
  return {
    port,
    uri: uriOf(options.auth),
    uriOf,
    get clusterTime() {
      return toTimestamp(deployment.clusterClock.current());
    },
    stepDown: election.stepDown,
    stepUp: election.stepUp,
    dropConnections,
    truncateOplog: () => deployment.oplog.truncate(),
    stats: () => ({
      connections: sockets.size,
      cursors: deployment.cursors.size,
      sessions: deployment.sessions.size,
      transactions: deployment.transactions.open.size,
      documents: deployment.catalog.all().reduce((sum, { size }) => sum + size, 0),
      oplogEntries: deployment.oplog.size,
    }),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      election.endOperations();
      dropConnections();
      await closed;
    },
  };
}
