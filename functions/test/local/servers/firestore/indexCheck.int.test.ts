import assert from 'node:assert/strict';
import { AggregateField, FieldPath, Filter, type Firestore, type Query } from 'firebase-admin/firestore';
import { startFirestoreServer } from '../../../../local/servers/firestore/server.ts';
import { type AdminClient, startAdminClient } from './adminClient.ts';

const failedPrecondition = 9;

const indexes = {
  indexes: [
    {
      collectionGroup: 'boards',
      queryScope: 'COLLECTION',
      fields: [
        { fieldPath: 'projectId', order: 'ASCENDING' },
        { fieldPath: 'projectName', order: 'ASCENDING' },
      ],
    },
    {
      collectionGroup: 'boards',
      queryScope: 'COLLECTION',
      fields: [
        { fieldPath: 'owner', order: 'ASCENDING' },
        { fieldPath: 'projectName', order: 'ASCENDING' },
      ],
    },
    {
      collectionGroup: 'boards',
      queryScope: 'COLLECTION',
      fields: [
        { fieldPath: 'tags', arrayConfig: 'CONTAINS' },
        { fieldPath: 'created', order: 'DESCENDING' },
      ],
    },
  ],
  fieldOverrides: [
    {
      collectionGroup: 'scenes',
      fieldPath: 'projectId',
      indexes: [
        { order: 'ASCENDING', queryScope: 'COLLECTION' },
        { order: 'ASCENDING', queryScope: 'COLLECTION_GROUP' },
      ],
    },
    { collectionGroup: 'boards', fieldPath: 'blob', indexes: [] },
  ],
};

describe('Firestore index check', () => {
  let client: AdminClient;
  let db: Firestore;
  before(async () => {
    client = await startAdminClient({ indexes });
    db = client.db;
  });
  after(() => client.close());

  const name = FieldPath.documentId();
  const boards = () => db.collection('boards');
  const scenes = () => db.collectionGroup('scenes');

  const served: Record<string, () => Query> = {
    'everything by name': () => boards(),
    'a range of names': () => boards().where(name, '>', 'a').where(name, '<', 'b'),
    'an equality, by name': () => boards().where('projectId', '==', 'p').orderBy(name).startAfter('x').limit(1),
    'an equality, by name backwards': () => boards().where('projectId', '==', 'p').orderBy(name, 'desc'),
    'two equalities, merged': () => boards().where('projectId', '==', 'p').where('other', '==', 1),
    'a range on one field': () => boards().where('projectId', '>', 'a').where('projectId', '<', 'b'),
    'one order': () => boards().orderBy('projectId').startAfter('p').limit(1),
    'one order backwards': () => boards().orderBy('projectId', 'desc'),
    'an order on the field of an equality': () => boards().where('projectId', '==', 'p').orderBy('projectId'),
    'array-contains': () => boards().where('tags', 'array-contains', 'x'),
    'a field inside a map': () => boards().where('meta.projectName', '==', 'x'),
    'the composite order': () => boards().orderBy('projectId').orderBy('projectName').startAfter('p', 'n').limit(1),
    'the composite, by equality': () => boards().where('projectId', '==', 'p').orderBy('projectName'),
    'two composites, merged': () =>
      boards().where('projectId', '==', 'p').where('owner', '==', 'o').orderBy('projectName'),
    'a contains composite': () => boards().where('tags', 'array-contains', 'x').orderBy('created', 'desc'),
    'alternatives that are all served': () =>
      boards().where(Filter.or(Filter.where('a', '==', 1), Filter.where('b', '==', 2))),
    in: () => boards().where('projectId', 'in', ['p', 'q']),
    'a collection group by name': () => scenes(),
    'a collection group with an override': () => scenes().where('projectId', '==', 'p').orderBy(name).limit(1),
    'a collection group ordered by the overridden field': () => scenes().orderBy('projectId').limit(1),
    'all descendants': () => db.collectionGroup(''),
  };
  for (const [what, query] of Object.entries(served)) {
    it(`serves ${what}`, async () => {
      assert.equal((await query().get()).size, 0);
    });
  }

  const refused: Record<string, readonly [() => Query, RegExp]> = {
    'an equality with another order': [
      () => boards().where('projectId', '==', 'p').orderBy('created'),
      /The query requires an index\. You can create it here: https:\/\/console\.firebase\.google\.com\/v1\/r\/project\/lockstep-test\/firestore\/indexes\?create_composite=.*projectId ASCENDING, created ASCENDING, __name__ ASCENDING/,
    ],
    'the composite in the other direction': [
      () => boards().orderBy('projectId', 'desc').orderBy('projectName', 'desc'),
      /projectName DESCENDING/,
    ],
    'the composite with its fields exchanged': [
      () => boards().orderBy('projectName').orderBy('projectId'),
      /create_composite/,
    ],
    'ranges on two fields': [() => boards().where('a', '>', 1).where('b', '<', 2), /a ASCENDING, b ASCENDING/],
    'a name order against the field order': [
      () => boards().orderBy('projectId').orderBy(name, 'desc'),
      /projectId ASCENDING, __name__ DESCENDING/,
    ],
    'names backwards': [() => boards().orderBy(name, 'desc'), /fields __name__ DESCENDING/],
    'an exempted field': [
      () => boards().where('blob', '==', 1),
      /COLLECTION_ASC index for collection boards and field blob/,
    ],
    'a field inside an exempted map': [() => boards().orderBy('blob.part'), /field blob\.part/],
    'a collection group without an override': [
      () => scenes().where('title', '==', 'x'),
      /requires a COLLECTION_GROUP_ASC index for collection scenes and field title\. You can create it here: https:\/\/console\.firebase\.google\.com\/v1\/r\/project\/lockstep-test\/firestore\/indexes\?create_exemption=/,
    ],
    'a collection group in a direction that the override lacks': [
      () => scenes().orderBy('projectId', 'desc'),
      /COLLECTION_GROUP_DESC/,
    ],
    'array-contains in a collection group': [
      () => scenes().where('tags', 'array-contains', 'x'),
      /COLLECTION_GROUP_CONTAINS/,
    ],
    'one alternative of several': [
      () => scenes().where(Filter.or(Filter.where('projectId', '==', 1), Filter.where('title', '==', 2))),
      /field title/,
    ],
  };
  for (const [what, [query, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(query().get(), { code: failedPrecondition, message });
    });
  }

  it('wants the field of a sum in the index, but none for a count', async () => {
    const matching = boards().where('projectId', '==', 'p');
    assert.equal((await matching.count().get()).data().count, 0);
    await assert.rejects(matching.aggregate({ total: AggregateField.sum('size') }).get(), {
      code: failedPrecondition,
      message: /projectId ASCENDING, size ASCENDING/,
    });
  });

  it('carries the wanted index in the link, as the console expects it', async () => {
    const error: unknown = await boards()
      .where('projectId', '==', 'p')
      .orderBy('created', 'desc')
      .get()
      .catch((thrown) => thrown);
    assert.ok(error instanceof Error);
    const encoded = /create_composite=([\w-]+)/.exec(error.message)?.[1] ?? '';
    const text = Buffer.from(encoded, 'base64url').toString('latin1');
    assert.ok(text.includes('projects/lockstep-test/databases/(default)/collectionGroups/boards/indexes/_'));
    assert.ok(
      text.includes('\x0a\x09projectId\x10\x01') &&
        text.includes('\x0a\x07created\x10\x02') &&
        text.includes('__name__\x10\x02'),
    );
  });

  it('names the place of a mistake in the definitions', async () => {
    const wrong = { indexes: [{ collectionGroup: 'a', fields: [{ fieldPath: 'x', order: 'UP' }] }] };
    await assert.rejects(startFirestoreServer({ indexes: wrong }), /indexes\[0\]\.fields\[0\]\.order/);
  });
});
