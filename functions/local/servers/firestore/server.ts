import { randomBytes } from 'node:crypto';
import { Server } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createFaults, type Faults } from '../../faults.ts';
import { createConnections } from '../grpcListener.ts';
import type { Backend } from './backend.ts';
import { createMeter, type Meter } from './meter.ts';
import { firestoreService } from './protocol.ts';
import { createIndexCheck, everyIndexExists } from './query/indexCheck.ts';
import { automaticIndexes, readIndexConfig } from './query/indexConfig.ts';
import { createIndexEntries } from './query/indexEntries.ts';
import { createServiceBuilder } from './serve.ts';
import { addListenMethod } from './services/listenService.ts';
import { addListMethods } from './services/listService.ts';
import { addReadMethods } from './services/readService.ts';
import { addWriteMethods } from './services/writeService.ts';
import { invalidArgument } from './status.ts';
import { createDatabase, type Database } from './store/database.ts';
import { createDocumentWatch, type DocumentEvents } from './triggers/documentWatch.ts';

/** What a server holds at the moment. */
export interface FirestoreStats {
  readonly documents: number;
  readonly openTransactions: number;
  /** Listen calls that are open. */
  readonly listeners: number;
}

/** A Firestore server in this process, in memory. */
export interface FirestoreServer {
  readonly port: number;
  /** `127.0.0.1:PORT`: the value for FIRESTORE_EMULATOR_HOST. */
  readonly host: string;
  readonly faults: Faults;
  readonly meter: Meter;
  /** For the triggers of functions. */
  readonly events: DocumentEvents;
  /** Forgets all documents and ends all transactions and listeners. */
  clear(): void;
  stats(): FirestoreStats;
  close(): Promise<void>;
}

export interface FirestoreServerOptions {
  /** Default: 0, any free one. */
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly clock?: Clock;
  /** Path of a `firestore.indexes.json`, or its content. Without it no query is refused for want of an index. */
  readonly indexes?: string | object;
  /** How long a write waits for the locks of a transaction, in ms. Default: 20 s, as production does. */
  readonly lockTimeoutMs?: number;
  /** Called with defects of the server itself. Default: standard error. */
  readonly log?: (message: string, error: unknown) => void;
}

const defaultLockTimeoutMs = 20_000;
const databaseNamePattern = /^projects\/[^/]+\/databases\/[^/]+$/;
const tokenBytes = 16;
/** Auto ids of client libraries have 20 characters. */
const documentIdLength = 20;
/** A request above the published limit is refused by its size, so it has to arrive: this is only what the transport
 *  takes. */
const maxTransportBytes = 64 * 1024 * 1024;

/** Starts a server. @throws an error with code EADDRINUSE if the port is taken */
export async function startFirestoreServer(options: FirestoreServerOptions = {}): Promise<FirestoreServer> {
  const clock = options.clock ?? systemClock;
  const host = options.host ?? '127.0.0.1';
  const log = options.log ?? ((message, error) => console.error(message, error));
  const faults = createFaults();
  const meter = createMeter();
  const events = createDocumentWatch();
  let databases = new Map<string, Database>();

  const indexConfig = options.indexes === undefined ? undefined : readIndexConfig(options.indexes);
  const indexEntries = createIndexEntries(indexConfig ?? automaticIndexes);

  const backend: Backend = {
    indexCheck: indexConfig ? createIndexCheck(indexConfig) : everyIndexExists,
    newDocumentId: () => randomBytes(documentIdLength).toString('base64url').slice(0, documentIdLength),
    database(name = '') {
      const existing = databases.get(name);
      if (existing) return existing;
      if (!databaseNamePattern.test(name)) throw invalidArgument(`Invalid database name: "${name}".`);
      const lockTimeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs;
      const created = createDatabase(name, {
        clock,
        lockTimeoutMs,
        indexEntries,
        newToken: () => randomBytes(tokenBytes),
        changed: (changes, time) => events.changed(name, changes, time),
      });
      databases.set(name, created);
      return created;
    },
  };

  const connections = createConnections();
  const service = createServiceBuilder({
    faults,
    meter,
    clock,
    dropConnection: connections.drop,
    onDefect: (method, error) => log(`The Firestore server failed in ${method}.`, error),
  });
  addReadMethods(service, backend);
  addWriteMethods(service, backend);
  addListMethods(service, backend);
  addListenMethod(service, backend);

  const grpc = new Server({
    'grpc.max_receive_message_length': maxTransportBytes,
    'grpc.max_send_message_length': -1,
  });
  grpc.addService(firestoreService(), service.implementation);
  const listener = await connections.listen(grpc, options.port ?? 0, host);

  const endAll = () => {
    for (const database of databases.values()) database.close();
  };

  return {
    port: listener.port,
    host: `${host}:${listener.port}`,
    faults,
    meter,
    events,
    clear() {
      endAll();
      databases = new Map();
    },
    stats() {
      const all = [...databases.values()];
      return {
        documents: all.reduce((sum, { store }) => sum + store.size, 0),
        openTransactions: all.reduce((sum, { transactions }) => sum + transactions.size, 0),
        listeners: all.reduce((sum, { subscribers }) => sum + subscribers, 0),
      };
    },
    close() {
      endAll();
      return listener.close();
    },
  };
}
