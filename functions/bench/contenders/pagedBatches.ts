import { FieldPath, type QueryDocumentSnapshot } from 'firebase-admin/firestore';
import { type Contender, keysOfAssets } from './contender.ts';

const pageSize = 5_000;
const batchSize = 250;
const batchesInFlight = 15;

/** Pages of keys, committed in batches, many at once, while the next page is read: the figures of `firebase
 *  firestore:delete` (https://github.com/firebase/firebase-tools/blob/master/src/firestore/delete.ts). */
export const pagedBatches: Contender = async (firestore, work) => {
  const ordered = keysOfAssets(firestore, work).orderBy(FieldPath.documentId());
  const pageAfter = async (last: QueryDocumentSnapshot | undefined) =>
    (await (last === undefined ? ordered : ordered.startAfter(last)).limit(pageSize).get()).docs;
  const commit = async (documents: readonly QueryDocumentSnapshot[]) => {
    const batch = firestore.batch();
    for (const { ref } of documents) {
      if (work.kind === 'delete') batch.delete(ref);
      else batch.update(ref, { projectName: work.name });
    }
    await batch.commit();
  };
  const inFlight = new Set<Promise<void>>();
  for (let page = await pageAfter(undefined); page.length > 0; ) {
    const next = page.length < pageSize ? Promise.resolve([]) : pageAfter(page.at(-1));
    for (let start = 0; start < page.length; start += batchSize) {
      if (inFlight.size >= batchesInFlight) await Promise.race(inFlight);
      const committed: Promise<void> = commit(page.slice(start, start + batchSize)).finally(() =>
        inFlight.delete(committed),
      );
      inFlight.add(committed);
    }
    page = await next;
  }
  await Promise.all(inFlight);
};
