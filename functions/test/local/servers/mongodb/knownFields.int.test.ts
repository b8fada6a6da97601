import assert from 'node:assert/strict';
import { type Fixture, rejectsWithCode, startFixture } from './mongo.fixture.ts';

describe('MongoDB server: fields of commands', () => {
  let fixture: Fixture;

  before(async () => {
    fixture = await startFixture();
    await fixture.client.db('app').collection('items').insertOne({ n: 1 });
  });
  after(() => fixture.close());

  const unknown: readonly [field: string, command: object, db?: string][] = [
    ['find.fitler', { find: 'items', fitler: {} }],
    ['aggregate.pipline', { aggregate: 'items', pipeline: [], cursor: {}, pipline: [] }],
    ['count.filter', { count: 'items', filter: {} }],
    ['distinct.filter', { distinct: 'items', key: 'n', filter: {} }],
    ['insert.document', { insert: 'items', documents: [{}], document: {} }],
    ['update.filter', { update: 'items', updates: [{ q: {}, u: { $set: { a: 1 } } }], filter: {} }],
    ['update.updates.arrayFilter', { update: 'items', updates: [{ q: {}, u: { $set: { a: 1 } }, arrayFilter: [] }] }],
    ['delete.deletes.multi', { delete: 'items', deletes: [{ q: {}, limit: 0, multi: true }] }],
    ['findAndModify.filter', { findAndModify: 'items', remove: true, filter: {} }],
    ['create.changeStreamPreImages', { create: 'new', changeStreamPreImages: true }],
    ['collMod.changeStreamPreImages', { collMod: 'items', changeStreamPreImages: true }],
    ['drop.force', { drop: 'items', force: true }],
    ['createIndexes.index', { createIndexes: 'items', indexes: [{ key: { n: 1 }, name: 'n' }], index: 1 }],
    ['listCollections.nameonly', { listCollections: 1, nameonly: true }],
    ['createUser.password', { createUser: 'u', pwd: 'p', roles: [], password: 'p' }],
    ['configureFailPoint.times', { configureFailPoint: 'failCommand', mode: 'off', times: 1 }, 'admin'],
  ];
  for (const [field, command, db = 'app'] of unknown) {
    it(`refuses ${field}, which a real server does not know`, async () => {
      const error = await rejectsWithCode(fixture.client.db(db).command(command), 40415);
      assert.deepEqual(
        [error.message, error.codeName],
        [`BSON field '${field}' is an unknown field.`, 'IDLUnknownField'],
      );
    });
  }

  for (const [what, command] of [
    ['find with min', { find: 'items', min: { n: 1 }, hint: { n: 1 } }],
    ['find with returnKey', { find: 'items', returnKey: true }],
    ['find with showRecordId', { find: 'items', showRecordId: true }],
    ['find with noCursorTimeout', { find: 'items', noCursorTimeout: true }],
    ['create with capped', { create: 'new', capped: true, size: 1000 }],
    ['collMod with validator', { collMod: 'items', validator: {} }],
  ] as const) {
    it(`refuses by name what it does not support: ${what}`, async () => {
      const error = await rejectsWithCode(fixture.client.db('app').command(command), 238);
      assert.ok(error.message.startsWith(what.split(' ').slice(0, 2).join(' ')), error.message);
    });
  }

  it('lets pass what asks for nothing that it does not support', async () => {
    const command = { find: 'items', min: undefined, returnKey: false, comment: 'c', maxTimeMS: 1000 };
    assert.equal((await fixture.client.db('app').command(command)).ok, 1);
  });

  it('refuses an unknown field of an index', async () => {
    const indexes = [{ key: { n: 1 }, name: 'n', uniqe: true }];
    const error = await rejectsWithCode(fixture.client.db('app').command({ createIndexes: 'items', indexes }), 197);
    assert.equal(
      error.message,
      'The field \'uniqe\' is not valid for an index specification. Specification: { key: { n: 1 }, name: "n", uniqe: true }',
    );
  });
});
