import { createRequire } from 'node:module';
import { Firestore } from 'firebase-admin/firestore';
import { startSecuredMongo } from '../../../local/securedMongo.ts';
import { type FirestoreServer, startFirestoreServer } from '../../../local/servers/firestore/server.ts';
import type { MongoServer } from '../../../local/servers/mongodb/server.ts';
import { systemClock } from '../../../src/clock.ts';
import { defineConfig } from '../../../src/config/defineConfig.ts';
import { connectSource, type ProjectsSource } from '../../../src/source/connect.ts';

/** What all simulated runs of a process share: servers and clients are made once, since a run takes less time than
 *  starting them. */
export interface Services {
  readonly mongo: MongoServer;
  readonly firestoreServer: FirestoreServer;
  readonly firestore: Firestore;
  /** Connected to MongoDB as the service that owns the projects. */
  readonly owner: ProjectsSource;
  /** The same, with the rights that `deploy/mongodb-setup.js` gives to Lockstep, and no others. */
  readonly source: ProjectsSource;
  /** From now on the servers have the time of this run. */
  follow(now: () => number): void;
  close(): Promise<void>;
}

/** The projects of every run, which drops them at its end. */
export const chaosSource = { database: 'chaos', collection: 'projects' };

/** Any time will do, as long as it is always the same. */
const beginningOfTime = Date.UTC(2026, 0, 1);

export async function startServices(): Promise<Services> {
  let now = () => beginningOfTime;
  // The servers' own pauses are real: they lie inside a call, while virtual time stands still.
  const clock = { now: () => now(), after: systemClock.after };
  const [{ server: mongo, productUri }, firestoreServer] = await Promise.all([
    startSecuredMongo(chaosSource, { clock }),
    startFirestoreServer({ clock }),
  ]);
  // The client would look for a metadata server of the cloud, for seconds.
  process.env.METADATA_SERVER_DETECTION ??= 'none';
  hurryFirestoreClient();
  const firestore = new Firestore({ projectId: 'demo-chaos', host: firestoreServer.host, ssl: false });
  const config = defineConfig({
    source: chaosSource,
    collections: [{ path: 'unused', projectId: 'projectId' }],
  });
  const owner = await connectSource(mongo.uri, config);
  const source = await connectSource(productUri, config);
  return {
    mongo,
    firestoreServer,
    firestore,
    owner,
    source,
    follow(next) {
      now = next;
    },
    async close() {
      await Promise.all([owner.close(), source.close()]);
      await firestore.terminate();
      await Promise.all([mongo.close(), firestoreServer.close()]);
    },
  };
}

/** The client begins every stream and transaction with a pause of 0 ms, which as a timer takes more than 1 ms, longer
 *  than the call itself. Its own tests replace that timer with this function; here a pause of nothing takes nothing. */
function hurryFirestoreClient(): void {
  const ofAdmin = createRequire(createRequire(import.meta.url).resolve('firebase-admin/firestore'));
  const backoff: { setTimeoutHandler(handler: (run: () => void, ms: number) => unknown): void } = ofAdmin(
    '@google-cloud/firestore/build/src/backoff.js',
  );
  backoff.setTimeoutHandler((run, ms) => (ms === 0 ? setImmediate(run) : setTimeout(run, ms)));
}
