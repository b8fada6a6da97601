import type { Firestore } from 'firebase-admin/firestore';
import type { SeedDocument } from '../local/demo/seedData.ts';
import { writeAll } from '../local/demo/writeAll.ts';

/** The project's name that the assets show. */
export const seededName = 'As it was called at first';

/** Writes assets of a project, as large as such documents are, under ids as the client library makes them: spread over
 *  all keys. */
export async function seedAssets(
  firestore: Firestore,
  collection: string,
  projectId: string,
  count: number,
  projectName: string = seededName,
): Promise<void> {
  const ids = firestore.collection(collection);
  const documents = Array.from(
    { length: count },
    (_, index): SeedDocument => [
      `${collection}/${ids.doc().id}`,
      {
        projectId,
        projectName,
        kind: index % 2 === 0 ? 'render' : 'voice-over',
        url: `https://media.example.com/${projectId}/take-${index}.mp4`,
        width: 3_840,
        height: 1_608,
        fps: 24,
        durationMs: 4_200 + index,
      },
    ],
  );
  await writeAll(firestore, documents);
}
