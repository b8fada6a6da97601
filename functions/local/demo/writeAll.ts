import type { Firestore } from 'firebase-admin/firestore';
import type { SeedDocument } from './seedData.ts';

/** Documents in one commit: large enough that the round trip does not count, far below 10 MiB. */
const batchSize = 400;

/** Commits that are on their way at once. */
const commitsInFlight = 4;

/** Writes documents that may or may not exist, as fast as a local server takes them. */
export async function writeAll(firestore: Firestore, documents: readonly SeedDocument[]): Promise<void> {
  let next = 0;
  async function writer(): Promise<void> {
    while (next < documents.length) {
      const chunk = documents.slice(next, next + batchSize);
      next += batchSize;
      const batch = firestore.batch();
      for (const [path, data] of chunk) batch.set(firestore.doc(path), data);
      await batch.commit();
    }
  }
  await Promise.all(Array.from({ length: commitsInFlight }, writer));
}
