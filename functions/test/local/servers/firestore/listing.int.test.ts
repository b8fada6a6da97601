import assert from 'node:assert/strict';
import { FieldPath } from 'firebase-admin/firestore';
import { type AdminClient, startAdminClient } from './adminClient.ts';

describe('Firestore listings through the Admin SDK', () => {
  let client: AdminClient;
  before(async () => {
    client = await startAdminClient();
    const { db } = client;
    const paths = [
      'boards/b1',
      'boards/b1/scenes/s1',
      'boards/b1/scenes/s1/frames/f1',
      'boards/b1/scenes/s2',
      'boards/b1/notes/n1',
      'boards/b2',
      'boards/phantom/scenes/s9',
      'boardsX/other',
      'media/m1',
    ];
    const batch = db.batch();
    for (const path of paths) batch.set(db.doc(path), { path });
    await batch.commit();
  });
  after(() => client.close());

  it('lists collections of the root, of a document, and of a document that does not exist', async () => {
    const { db } = client;
    const ids = async (collections: Promise<{ id: string }[]>) => (await collections).map(({ id }) => id);
    assert.deepEqual(await ids(db.listCollections()), ['boards', 'boardsX', 'media']);
    assert.deepEqual(await ids(db.doc('boards/b1').listCollections()), ['notes', 'scenes']);
    assert.deepEqual(await ids(db.doc('boards/phantom').listCollections()), ['scenes']);
    assert.deepEqual(await ids(db.doc('media/m1').listCollections()), []);
  });

  it('lists the documents of a collection, missing ones that have descendants included', async () => {
    const references = await client.db.collection('boards').listDocuments();
    assert.deepEqual(
      references.map(({ id }) => id),
      ['b1', 'b2', 'phantom'],
    );
    assert.equal((await client.db.collection('boards').get()).size, 2);
  });

  it('queries everything below a document or the root when no collection is named', async () => {
    const { db } = client;
    const all = await db.collectionGroup('').get();
    assert.deepEqual(
      all.docs.map(({ ref }) => ref.path),
      [
        'boards/b1',
        'boards/b1/notes/n1',
        'boards/b1/scenes/s1',
        'boards/b1/scenes/s1/frames/f1',
        'boards/b1/scenes/s2',
        'boards/b2',
        'boards/phantom/scenes/s9',
        'boardsX/other',
        'media/m1',
      ],
    );
    const below = await db
      .collectionGroup('')
      .where(FieldPath.documentId(), '>', 'boards/b1')
      .where(FieldPath.documentId(), '<', 'boards/b1\0')
      .select()
      .get();
    assert.deepEqual(
      below.docs.map(({ ref }) => ref.path),
      all.docs.slice(1, 5).map(({ ref }) => ref.path),
    );
    assert.deepEqual(below.docs[0]?.data(), {});
    const [third] = (await db.collectionGroup('').orderBy(FieldPath.documentId()).offset(2).limit(1).get()).docs;
    assert.ok(third);
    const rest = await db.collectionGroup('').orderBy(FieldPath.documentId()).startAfter(third).limit(2).get();
    assert.deepEqual(
      rest.docs.map(({ ref }) => ref.path),
      ['boards/b1/scenes/s1/frames/f1', 'boards/b1/scenes/s2'],
    );
  });

  it('partitions a collection group', async () => {
    const { db } = client;
    const batch = db.batch();
    for (let i = 0; i < 100; i += 1) batch.set(db.doc(`p/${i % 7}/parts/${i}`), { i });
    await batch.commit();
    const seen: string[] = [];
    let partitions = 0;
    for await (const partition of db.collectionGroup('parts').getPartitions(5)) {
      partitions += 1;
      for (const { id } of (await partition.toQuery().get()).docs) seen.push(id);
    }
    assert.equal(partitions, 5);
    assert.equal(new Set(seen).size, 100);
    assert.equal(seen.length, 100);
    await db.recursiveDelete(db.collection('p'));
    assert.equal((await db.collectionGroup('parts').count().get()).data().count, 0);
  });

  it('deletes a document and a collection recursively, and nothing beside them', async () => {
    const { db } = client;
    await db.recursiveDelete(db.doc('boards/b1'));
    const left = await db.collectionGroup('').get();
    assert.deepEqual(
      left.docs.map(({ ref }) => ref.path),
      ['boards/b2', 'boards/phantom/scenes/s9', 'boardsX/other', 'media/m1'],
    );
    await db.recursiveDelete(db.collection('boards'));
    assert.deepEqual(
      (await db.listCollections()).map(({ id }) => id),
      ['boardsX', 'media'],
    );
  });
});
