import { deleteApp, initializeApp } from 'firebase-admin/app';
import { type Firestore, getFirestore } from 'firebase-admin/firestore';
import {
  type FirestoreServer,
  type FirestoreServerOptions,
  startFirestoreServer,
} from '../../../../local/servers/firestore/server.ts';

/** A server with the real Admin SDK connected to it. */
export interface AdminClient {
  readonly server: FirestoreServer;
  readonly db: Firestore;
  /** Another client of the same server. */
  connect(projectId: string, databaseId?: string): Firestore;
  close(): Promise<void>;
}

let apps = 0;

export async function startAdminClient(options: FirestoreServerOptions = {}): Promise<AdminClient> {
  const server = await startFirestoreServer(options);
  const closers: (() => Promise<void>)[] = [];
  const connect = (projectId: string, databaseId = '(default)') => {
    apps += 1;
    const before = process.env.FIRESTORE_EMULATOR_HOST;
    process.env.FIRESTORE_EMULATOR_HOST = server.host;
    // The SDK reads the variable when the client is made, and only then.
    const app = initializeApp({ projectId }, `firestore-test-${apps}`);
    const db = getFirestore(app, databaseId);
    if (before === undefined) delete process.env.FIRESTORE_EMULATOR_HOST;
    else process.env.FIRESTORE_EMULATOR_HOST = before;
    closers.push(() => deleteApp(app));
    return db;
  };
  return {
    server,
    db: connect('lockstep-test'),
    connect,
    async close() {
      await Promise.all(closers.map((each) => each()));
      await server.close();
    },
  };
}
