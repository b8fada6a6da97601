import { FieldValue, type Firestore } from 'firebase-admin/firestore';
import type { ColdStorage } from '../openPage.ts';
import { type ArchiveJob, archiveJobRef } from './archiveJob.ts';

/** Deletes the objects of pages that are gone, which the job names until they are, too. Deleting costs nothing.
 *  @throws BucketError */
export async function removeObjects(
  { firestore }: { readonly firestore: Firestore },
  cold: ColdStorage,
  { id, objects }: Pick<ArchiveJob, 'id' | 'objects'>,
): Promise<void> {
  if (objects.length === 0 || cold === null) return;
  const bucket = await cold();
  for (const object of objects) await bucket.delete(object);
  await archiveJobRef(firestore, id).update({ objects: FieldValue.arrayRemove(...objects) });
}
