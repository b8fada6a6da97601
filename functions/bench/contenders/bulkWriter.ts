import type { QueryDocumentSnapshot } from 'firebase-admin/firestore';
import { type Contender, keysOfAssets } from './contender.ts';

/** The client library's own BulkWriter at full speed, fed by the stream of a query. */
export const bulkWriter: Contender = async (firestore, work) => {
  const writer = firestore.bulkWriter({ throttling: false });
  const failures: unknown[] = [];
  const stream: AsyncIterable<QueryDocumentSnapshot> = keysOfAssets(firestore, work).stream() as never;
  for await (const { ref } of stream) {
    const written = work.kind === 'delete' ? writer.delete(ref) : writer.update(ref, { projectName: work.name });
    written.catch((error: unknown) => failures.push(error));
  }
  await writer.close();
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} writes failed`);
};
