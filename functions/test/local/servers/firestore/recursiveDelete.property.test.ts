import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type AdminClient, startAdminClient } from './adminClient.ts';
import { pathOrder } from './referenceModel.ts';

const id = fc.constantFrom('a', 'a0', 'a\u0001', 'b', '__id7__', 'é');
const collection = fc.constantFrom('a', 'aa', 'b');
const documentPath = fc
  .array(fc.tuple(collection, id), { minLength: 1, maxLength: 3 })
  .map((pairs) => pairs.flat().join('/'));
/** A document, or a collection by leaving its last id away. */
const target = fc
  .tuple(documentPath, fc.boolean())
  .map(([path, whole]) => (whole ? path.slice(0, path.lastIndexOf('/')) : path));

describe('Firestore recursive deletion', () => {
  let client: AdminClient;
  before(async () => {
    client = await startAdminClient();
  });
  after(() => client.close());

  it('takes everything below its target, and the target, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(documentPath, { maxLength: 15 }), target, async (paths, gone) => {
        client.server.clear();
        const { db } = client;
        const batch = db.batch();
        for (const path of paths) batch.set(db.doc(path), {});
        await batch.commit();
        const all = await db.collectionGroup('').get();
        assert.deepEqual(
          all.docs.map(({ ref }) => ref.path),
          paths.toSorted(pathOrder),
        );
        const isDocument = gone.split('/').length % 2 === 0;
        await db.recursiveDelete(isDocument ? db.doc(gone) : db.collection(gone));
        const left = await db.collectionGroup('').select().get();
        const expected = paths.filter((path) => path !== gone && !path.startsWith(`${gone}/`));
        assert.deepEqual(
          left.docs.map(({ ref }) => ref.path),
          expected.sort(pathOrder),
        );
      }),
      { numRuns: 60 },
    );
  }).timeout(60_000);
});
