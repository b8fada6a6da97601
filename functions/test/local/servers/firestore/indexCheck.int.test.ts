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
  const boards = (at = db) => at.collection('boards');
  const scenes = (at = db) => at.collectionGroup('scenes');

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

  const refused: Record<string, readonly [(db: Firestore) => Query, string | RegExp]> = {
    'an equality with another order': [
      (at) => boards(at).where('projectId', '==', 'p').orderBy('created'),
      'projectId ASCENDING, created ASCENDING, __name__ ASCENDING',
    ],
    'the composite in the other direction': [
      (at) => boards(at).orderBy('projectId', 'desc').orderBy('projectName', 'desc'),
      'projectId DESCENDING, projectName DESCENDING, __name__ DESCENDING',
    ],
    'the composite with its fields exchanged': [
      (at) => boards(at).orderBy('projectName').orderBy('projectId'),
      'projectName ASCENDING, projectId ASCENDING, __name__ ASCENDING',
    ],
    'ranges on two fields': [
      (at) => boards(at).where('a', '>', 1).where('b', '<', 2),
      'a ASCENDING, b ASCENDING, __name__ ASCENDING',
    ],
    'a name order against the field order': [
      (at) => boards(at).orderBy('projectId').orderBy(name, 'desc'),
      'projectId ASCENDING, __name__ DESCENDING',
    ],
    'names backwards': [(at) => boards(at).orderBy(name, 'desc'), '__name__ DESCENDING'],
    'an exempted field': [
      (at) => boards(at).where('blob', '==', 1),
      /COLLECTION_ASC index for collection boards and field blob/,
    ],
    'a field inside an exempted map': [(at) => boards(at).orderBy('blob.part'), /field blob\.part/],
    'a collection group without an override': [
      (at) => scenes(at).where('title', '==', 'x'),
      /requires a COLLECTION_GROUP_ASC index for collection scenes and field title\./,
    ],
    'a collection group in a direction that the override lacks': [
      (at) => scenes(at).orderBy('projectId', 'desc'),
      /COLLECTION_GROUP_DESC/,
    ],
    'array-contains in a collection group': [
      (at) => scenes(at).where('tags', 'array-contains', 'x'),
      /COLLECTION_GROUP_CONTAINS/,
    ],
    'one alternative of several': [
      (at) => scenes(at).where(Filter.or(Filter.where('projectId', '==', 1), Filter.where('title', '==', 2))),
      /field title/,
    ],
  };
  for (const [what, [query, wanted]] of Object.entries(refused)) {
    it(`refuses ${what}, and names what firestore.indexes.json lacks`, async () => {
      const error: unknown = await query(db)
        .get()
        .catch((thrown) => thrown);
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, failedPrecondition);
      const definitions = JSON.parse(error.message.slice(error.message.indexOf('{')));
      if (wanted instanceof RegExp) assert.match(error.message, wanted);
      else assert.equal(described(definitions.indexes[0]), wanted);
      const complete = await startAdminClient({
        indexes: {
          indexes: [...indexes.indexes, ...(definitions.indexes ?? [])],
          fieldOverrides: [...indexes.fieldOverrides, ...(definitions.fieldOverrides ?? [])],
        },
      });
      try {
        assert.equal((await query(complete.db).get()).size, 0);
      } finally {
        await complete.close();
      }
    });
  }

  it('wants the field of a sum in the index, but none for a count', async () => {
    const matching = boards().where('projectId', '==', 'p');
    assert.equal((await matching.count().get()).data().count, 0);
    await assert.rejects(matching.aggregate({ total: AggregateField.sum('size') }).get(), {
      code: failedPrecondition,
      message: /"projectId","order":"ASCENDING"\},\{"fieldPath":"size","order":"ASCENDING"/,
    });
  });

  it('names the place of a mistake in the definitions', async () => {
    const wrong = { indexes: [{ collectionGroup: 'a', fields: [{ fieldPath: 'x', order: 'UP' }] }] };
    await assert.rejects(startFirestoreServer({ indexes: wrong }), /indexes\[0\]\.fields\[0\]\.order/);
  });
});

/** An index definition in one line. */
const described = ({ fields }: { fields: { fieldPath: string; order?: string; arrayConfig?: string }[] }) =>
  fields.map(({ fieldPath, order, arrayConfig }) => `${fieldPath} ${order ?? arrayConfig}`).join(', ');
