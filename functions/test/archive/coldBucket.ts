import { randomUUID } from 'node:crypto';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import { type StorageServer, startStorageServer } from '../../local/servers/storage/server.ts';
import { systemClock } from '../../src/clock.ts';
import { type Bucket, openBucket } from '../../src/storage/bucket.ts';
import { setVariables } from '../support/variables.ts';

export interface ColdBucket {
  readonly server: StorageServer;
  readonly bucket: Bucket;
  /** Names of its objects. */
  names(): Promise<string[]>;
  close(): Promise<void>;
}

/** A bucket on the Admin SDK and a local server. */
export async function startColdBucket(): Promise<ColdBucket> {
  const server = await startStorageServer({ buckets: ['cold'] });
  const restore = setVariables({ STORAGE_EMULATOR_HOST: server.url, METADATA_SERVER_DETECTION: 'none' });
  const app = initializeApp({ projectId: 'demo-test' }, randomUUID());
  const bucket = await openBucket(app, 'cold', systemClock);
  return {
    server,
    bucket,
    names: async () => (await bucket.list({ prefix: '', limit: 100 })).objects.map(({ name }) => name),
    async close() {
      await deleteApp(app);
      restore();
      await server.close();
    },
  };
}
