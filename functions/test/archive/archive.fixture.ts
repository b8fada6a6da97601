import assert from 'node:assert/strict';
import { type DocumentData, FieldPath, type Firestore } from 'firebase-admin/firestore';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { readArchive } from './readArchive.ts';

// The client library would look for a metadata server of the cloud.
process.env.METADATA_SERVER_DETECTION ??= 'none';

export const archiving = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name'] },
  collections: [
    {
      path: 'storyboards',
      projectId: 'projectId',
      subcollections: 'recursive',
      onDelete: 'archive',
      retention: { days: 7 },
    },
    { path: 'media', projectId: 'projectId', onDelete: 'archive' },
    { path: 'analyses', projectId: 'projectId' },
  ],
});

/** Path -> data. */
export type Documents = Readonly<Record<string, DocumentData>>;

export async function put(firestore: Firestore, documents: Documents): Promise<void> {
  // Each by itself: a batch of large ones would be too big.
  await Promise.all(Object.entries(documents).map(([path, data]) => firestore.doc(path).set(data)));
}

/** Assets of project `a`, and what lies below them: all but the analyses are to be archived. */
export function assetsOfA(boards: number, panels: number, media: number): Documents {
  const documents: Record<string, DocumentData> = {};
  for (let board = 0; board < boards; board += 1) {
    const path = `storyboards/b${String(board).padStart(3, '0')}`;
    documents[path] = { projectId: 'a', board };
    for (let panel = 0; panel < panels; panel += 1) documents[`${path}/panels/${panel}`] = { panel };
  }
  for (let medium = 0; medium < media; medium += 1)
    documents[`media/m${String(medium).padStart(4, '0')}`] = { projectId: 'a', medium };
  return documents;
}

/** Where documents are now. */
export interface Whereabouts {
  readonly living: ReadonlyMap<string, DocumentData>;
  readonly archived: ReadonlyMap<string, DocumentData>;
}

/** Looks for all documents that are no records, at one moment.
 *  @throws AssertionError when one is in two places (I13). */
export async function whereabouts(firestore: Firestore): Promise<Whereabouts> {
  const all = await firestore.collectionGroup('').orderBy(FieldPath.documentId()).get();
  const assets = all.docs.filter(({ ref }) => !ref.path.startsWith('sync'));
  const living = new Map(assets.map((document) => [document.ref.path, document.data()]));
  const archived = new Map<string, DocumentData>();
  for (const { path, data } of await readArchive(firestore)) {
    assert.ok(!archived.has(path), `${path} is in two pages of the archive`);
    assert.ok(!living.has(path), `${path} is at its place and in the archive`);
    archived.set(path, data);
  }
  return { living, archived };
}

/** @throws AssertionError unless each of the documents is in one place, as it was (I13). */
export async function assertNothingGone(firestore: Firestore, seeded: Documents): Promise<Whereabouts> {
  const found = await whereabouts(firestore);
  for (const [path, data] of Object.entries(seeded)) {
    assert.deepEqual(found.living.get(path) ?? found.archived.get(path), data, path);
  }
  return found;
}
