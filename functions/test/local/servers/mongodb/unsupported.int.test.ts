import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type Db, Decimal128, type Document } from 'mongodb';
import { type Fixture, rejectsWithCode, startFixture } from './mongo.fixture.ts';

const readme = new URL('../../../../local/servers/mongodb/README.md', import.meta.url);

/** What the README says is not supported: the words of its list, and a command that asks for it. */
const entries: Readonly<Record<string, readonly Document[]>> = {
  'collations other than `simple`': [
    { find: 'items', collation: { locale: 'de' } },
    { create: 'other', collation: { locale: 'de' } },
    { createIndexes: 'items', indexes: [{ key: { a: 1 }, name: 'a', collation: { locale: 'de' } }] },
  ],
  validators: [
    { create: 'other', validator: { a: 1 } },
    { collMod: 'items', validator: { a: 1 } },
  ],
  'capped, clustered and time-series collections': [
    { create: 'other', capped: true, size: 1000 },
    { create: 'other', clusteredIndex: { key: { _id: 1 }, unique: true } },
    { create: 'other', timeseries: { timeField: 'at' } },
  ],
  views: [{ create: 'other', viewOn: 'items', pipeline: [] }],
  'text, geo, hashed, wildcard, hidden and TTL indexes': [
    ...[{ a: 'text' }, { a: '2dsphere' }, { a: '2d' }, { a: 'hashed' }, { '$**': 1 }].map((key) => ({
      createIndexes: 'items',
      indexes: [{ key, name: 'one' }],
    })),
    { createIndexes: 'items', indexes: [{ key: { a: 1 }, name: 'one', hidden: true }] },
    { createIndexes: 'items', indexes: [{ key: { a: 1 }, name: 'one', expireAfterSeconds: 1 }] },
    { collMod: 'items', index: { name: 'one', hidden: true } },
  ],
  '`$where`, `$text`, `$jsonSchema`, geo and `$bits…` queries': [
    ...[{ $where: 'true' }, { $text: { $search: 'a' } }, { $jsonSchema: {} }].map((filter) => ({
      find: 'items',
      filter,
    })),
    ...['$geoWithin', '$geoIntersects', '$near', '$nearSphere', '$bitsAllSet', '$bitsAnyClear'].map((operator) => ({
      find: 'items',
      filter: { a: { [operator]: 1 } },
    })),
  ],
  'the update operator `$bit`': [{ findAndModify: 'items', update: { $bit: { a: { or: 1 } } } }],
  '`$out`, `$merge`, `$unionWith`, `$documents`, `$sortByCount`, `$graphLookup`, `$bucket`, `$bucketAuto`, `$redact`': [
    ...['$out', '$merge', '$unionWith', '$documents', '$sortByCount', '$graphLookup', '$bucket', '$redact'].map(
      (stage) => ({ aggregate: 'items', pipeline: [{ [stage]: {} }], cursor: {} }),
    ),
    { aggregate: 'items', pipeline: [{ $changeStream: {} }, { $redact: '$a' }], cursor: {} },
  ],
  '`$densify`, `$fill`, `$setWindowFields`, search stages': [
    ...['$densify', '$fill', '$setWindowFields', '$search', '$vectorSearch', '$geoNear'].map((stage) => ({
      aggregate: 'items',
      pipeline: [{ [stage]: {} }],
      cursor: {},
    })),
  ],
  'accumulators that rank or need statistics': [
    ...['$top', '$bottomN', '$firstN', '$maxN', '$stdDevPop', '$median', '$percentile', '$accumulator'].map((name) => ({
      aggregate: 'items',
      pipeline: [{ $group: { _id: null, value: { [name]: {} } } }],
      cursor: {},
    })),
  ],
  'the rarer expressions (`expression/unsupported.ts`)': [
    ...[
      '$function',
      '$indexOfCP',
      '$meta',
      '$regexFind',
      '$sortArray',
      '$sampleRate',
      '$stdDevSamp',
      '$toUUID',
      '$tsSecond',
      '$zip',
    ].map((name) => ({ aggregate: 'items', pipeline: [{ $set: { value: { [name]: '$a' } } }], cursor: {} })),
  ],
  "`$changeStream`'s internal options": [
    ...['showMigrationEvents', 'showSystemEvents', 'showRawUpdateDescription'].map((option) => ({
      aggregate: 'items',
      pipeline: [{ $changeStream: { [option]: true } }],
      cursor: {},
    })),
  ],
  "projections of parts of arrays (`$slice`, `$elemMatch`, `'list.$'`)": [
    ...[{ a: { $slice: 1 } }, { a: { $elemMatch: { b: 1 } } }, { 'a.$': 1 }].map((projection) => ({
      find: 'items',
      projection,
    })),
  ],
  'arithmetic with Decimal128, but for `$trunc`': [
    { findAndModify: 'items', update: { $inc: { a: Decimal128.fromString('1.5') } } },
    {
      aggregate: 'items',
      pipeline: [{ $set: { b: { $divide: [Decimal128.fromString('1.5'), 2] } } }],
      cursor: {},
    },
  ],
  'the `bulkWrite` command (`client.bulkWrite` of a driver; that of a collection works)': [
    { bulkWrite: 1, ops: [], nsInfo: [] },
  ],
  'users and roles: other mechanisms than SCRAM-SHA-256, passwords beyond ASCII, restrictions by address, credentials and built-in roles in listings':
    [
      { createUser: 'u', pwd: 'x', roles: [], mechanisms: ['SCRAM-SHA-1'] },
      { createUser: 'u', pwd: 'pässword', roles: [] },
      { createUser: 'u', pwd: 'x', roles: [], authenticationRestrictions: [{ clientSource: ['10.0.0.1'] }] },
      { usersInfo: 1, showCredentials: true },
      { usersInfo: 1, filter: { a: 1 } },
      { rolesInfo: 1, showBuiltinRoles: true },
    ],
  'the options `min`, `max`, `returnKey`, `showRecordId` and `noCursorTimeout` of `find`': [
    ...[
      { min: { a: 1 } },
      { max: { a: 1 } },
      { returnKey: true },
      { showRecordId: true },
      { noCursorTimeout: true },
    ].map((option) => ({ find: 'items', ...option })),
  ],
  'parameters, but for how long pre-images are kept; profiling': [
    { setParameter: 1, logLevel: 1 },
    { setClusterParameter: { auditConfig: {} } },
    { getClusterParameter: '*' },
    { profile: 1 },
  ],
  'idle connections and cursors in `$currentOp`': [
    { aggregate: 1, pipeline: [{ $currentOp: { idleConnections: true } }], cursor: {} },
    { aggregate: 1, pipeline: [{ $currentOp: { idleCursors: true } }], cursor: {} },
  ],
  'write concerns by tags': [{ insert: 'items', documents: [{ a: 1 }], writeConcern: { w: { dc: 1 } } }],
};

describe('MongoDB server: what it does not support', () => {
  let fixture: Fixture;
  let db: Db;

  before(async () => {
    fixture = await startFixture();
    db = fixture.client.db('app');
    await db.collection('items').insertOne({ a: 1 });
  });
  after(() => fixture.close());

  for (const [entry, commands] of Object.entries(entries)) {
    it(`refuses by name: ${entry}`, async () => {
      for (const command of commands) {
        const target = 'bulkWrite' in command ? fixture.client.db('admin') : db;
        const error = await rejectsWithCode(target.command(command), 238);
        assert.match(error.message, /is not implemented by the embedded MongoDB server of the local stack/);
      }
    });
  }

  it('is what the README lists', async () => {
    const text = await readFile(readme, 'utf8');
    const list = text.slice(text.indexOf('## What it does not support'), text.indexOf('## Where it differs'));
    const listed = list
      .split(/^- /m)
      .slice(1)
      .map((entry) => entry.trim().replace(/\s+/g, ' '));
    assert.deepEqual(listed.toSorted(), Object.keys(entries).toSorted());
  });
});
