import assert from 'node:assert/strict';
import { type FirestoreServer, startFirestoreServer } from '../../../../local/servers/firestore/server.ts';
import { connect, database, document, integer, type Message, root } from './rawClient.ts';

// What production refuses has to be refused here, with its code and its words: a test that passes here and fails there
// is worse than none.

const invalidArgument = 3;
const unimplemented = 12;

const text = (value: string) => ({ stringValue: value });
const map = (fields: Message) => ({ mapValue: { fields } });
const list = (...values: Message[]) => ({ arrayValue: { values } });
const nan = { doubleValue: Number.NaN };
const nothing = { nullValue: 'NULL_VALUE' };

describe('Firestore as strict as production', () => {
  let server: FirestoreServer;
  let client: ReturnType<typeof connect>;
  before(async () => {
    server = await startFirestoreServer();
    client = connect(server);
  });
  after(async () => {
    client.close();
    await server.close();
  });
  beforeEach(() => server.clear());

  const commit = (...writes: Message[]) => client.call('Commit', { database, writes });
  const set = (path: string, fields: Message) => commit({ update: document(path, fields) });
  const refused = (outcome: Promise<unknown>, message: string | RegExp, code = invalidArgument) =>
    assert.rejects(outcome, {
      code,
      message: typeof message === 'string' ? `${code} INVALID_ARGUMENT: ${message}` : message,
    });
  const query = async (structuredQuery: Message) => {
    const from = [{ collectionId: 'a' }];
    const responses = await client.stream('RunQuery', { parent: root, structuredQuery: { from, ...structuredQuery } });
    return responses.flatMap((response) => {
      const found = response.document;
      return typeof found === 'object' && found && 'name' in found ? [String(found.name).slice(-1)] : [];
    });
  };
  const where = (op: string, value: Message, fieldPath = 'x') => ({
    where: { fieldFilter: { field: { fieldPath }, op, value } },
  });

  describe('values', () => {
    const values: Record<string, readonly [Message, string]> = {
      'a latitude of 91': [
        { geoPointValue: { latitude: 91, longitude: 0 } },
        "Geo point latitude '91' outside permitted range -90.0 to 90.0.",
      ],
      'a longitude of -181': [
        { geoPointValue: { latitude: 0, longitude: -181 } },
        "Geo point longitude '-181' outside permitted range -180.0 to 180.0.",
      ],
      'a value without a type': [{}, 'Cannot convert firestore.v1.Value with type unset.'],
      'an element without a type': [list({}), 'Cannot convert firestore.v1.Value with type unset.'],
      'a reference to nothing': [{ referenceValue: 'boards/1' }, 'Invalid reference value: "boards/1".'],
      'a reference to a collection': [
        { referenceValue: `${root}/boards` },
        `Document name "${root}/boards" lacks "/documents/collection/document" at its end.`,
      ],
      'a reserved key in a map': [map({ __x__: integer(1) }), "field name '__x__' is reserved."],
      'a reserved key in a map in an array': [list(map({ __x__: integer(1) })), "field name '__x__' is reserved."],
      'an array in an array': [list(list()), 'Property array contains an invalid nested entity.'],
      'a field path of more than 1,500 bytes': [
        map({ ['k'.repeat(800)]: map({ ['l'.repeat(700)]: integer(1) }) }),
        'property path is longer than 1500 bytes.',
      ],
      'text of more than 1 MiB less 89 bytes': [
        text('x'.repeat(1_048_488)),
        'The value of property "x" is longer than 1048487 bytes.',
      ],
      'bytes as long': [
        { bytesValue: Buffer.alloc(1_048_488) },
        'The value of property "x" is longer than 1048487 bytes.',
      ],
    };
    for (const [what, [value, message]] of Object.entries(values)) {
      it(`refuses ${what}`, () => refused(set('a/b', { x: value }), message));
    }

    it('takes twenty levels and refuses one more', async () => {
      const nested = (levels: number): Message => (levels === 0 ? integer(1) : map({ x: nested(levels - 1) }));
      await set('a/b', { x: nested(20) });
      await refused(set('a/b', { x: nested(21) }), 'Property x contains an invalid nested entity.');
    });

    it('refuses timestamps before the year 1 and after 9999', async () => {
      for (const seconds of ['-62135596801', '253402300800'])
        await refused(set('a/b', { x: { timestampValue: { seconds } } }), /outside the years/);
    });

    it('refuses what a query compares with as it refuses what is stored', async () => {
      await refused(query(where('EQUAL', {})), 'Cannot convert firestore.v1.Value with type unset.');
    });
  });

  describe('names', () => {
    const ids: Record<string, string> = {
      'a/__x__': 'Resource id "__x__" is invalid because it is reserved.',
      '__x__/a': 'Collection id "__x__" is invalid because it is reserved.',
      'a/..': 'Resource id ".." is invalid because it is "." or "..".',
      'a/.': 'Resource id "." is invalid because it is "." or "..".',
      'a/': 'Resource id is the empty string.',
      [`a/${'x'.repeat(1501)}`]: 'The key path element name is longer than 1500 bytes.',
    };
    for (const [path, message] of Object.entries(ids)) {
      it(`refuses ${path.slice(0, 10)} in reads as in writes: ${message}`, async () => {
        await refused(set(path, {}), message);
        await refused(client.call('GetDocument', { name: `${root}/${path}` }), message);
        await refused(client.stream('BatchGetDocuments', { database, documents: [`${root}/${path}`] }), message);
      });
    }

    it('refuses a reserved collection in a query, and a parent that is a collection', async () => {
      const from = [{ collectionId: '__x__' }];
      await refused(query({ from }), 'Collection id "__x__" is invalid because it is reserved.');
      const parent = `${root}/a`;
      await refused(client.stream('RunQuery', { parent, structuredQuery: { from: [{ collectionId: 'b' }] } }), /lacks/);
    });
  });

  describe('writes', () => {
    it('refuses a mask with a path inside another, in both writes and single updates', async () => {
      const update = document('a/b', { a: map({ b: integer(1) }) });
      const updateMask = { fieldPaths: ['a', 'a.b'] };
      const message = 'The field paths "a" and "a.b" of a mask conflict.';
      await refused(commit({ update, updateMask }), message);
      await refused(client.call('UpdateDocument', { document: update, updateMask }), message);
      await commit({ update, updateMask: { fieldPaths: ['a', 'ab'] } });
    });

    it('refuses more than 500 transforms of a document in a commit, over all its writes', async () => {
      const transforms = (count: number) => ({
        transform: {
          document: `${root}/a/b`,
          fieldTransforms: Array.from({ length: count }, (_, i) => ({ fieldPath: `f${i}`, increment: integer(1) })),
        },
      });
      await commit(transforms(500));
      const message = 'cannot have more than 500 field transforms on a single document';
      await refused(commit(transforms(501)), message);
      await refused(commit(transforms(250), transforms(251)), message);
    });

    it('gives update times in microseconds, and server timestamps in milliseconds', async () => {
      const updateTransforms = [{ fieldPath: 'at', setToServerValue: 'REQUEST_TIME' }];
      for (const id of ['b', 'c', 'd']) {
        await commit({ update: document(`a/${id}`, {}), updateTransforms });
        const found = await client.call('GetDocument', { name: `${root}/a/${id}` });
        const { fields, updateTime } = found as { fields: Message; updateTime: { seconds: string; nanos: number } };
        const { timestampValue } = fields.at as { timestampValue: { seconds: string; nanos?: number } };
        const [millis, micros] = [timestampValue.nanos ?? 0, updateTime.nanos];
        assert.equal(timestampValue.seconds, updateTime.seconds);
        assert.ok(micros > millis && micros - millis < 1_000_000, `${micros} is not within the millisecond ${millis}`);
        assert.deepEqual([millis % 1_000_000, micros % 1000], [0, 0]);
      }
    });
  });

  describe('sizes of transactions', () => {
    const large = { t: text('x'.repeat(1_000_000)) };
    const tooBig = 'Transaction too big. Decrease transaction size.';

    it('counts the documents that a commit deletes', async () => {
      const ids = Array.from({ length: 11 }, (_, i) => i);
      for (const id of ids) await set(`a/${id}`, large);
      const deletes = ids.map((id) => ({ delete: `${root}/a/${id}` }));
      await refused(commit(...deletes), tooBig);
      assert.equal(server.stats().documents, 11);
      await commit(...deletes.slice(0, 10));
      assert.equal(server.stats().documents, 1);
    });

    it('counts index entries, but only those that change', async () => {
      const numbers = (from: number) => list(...Array.from({ length: 9000 }, (_, i) => integer(from + i)));
      for (const id of [1, 2, 3, 4, 5]) await set(`a/${id}`, { n: numbers(0), m: integer(0) });
      const update = (id: number, fields: Message) => ({
        update: document(`a/${id}`, fields),
        updateMask: { fieldPaths: Object.keys(fields) },
      });
      await commit(...[1, 2, 3, 4, 5].map((id) => update(id, { m: integer(1) })));
      await refused(commit(...[1, 2, 3, 4, 5].map((id) => update(id, { n: numbers(9000) }))), tooBig);
    });

    it('refuses an index entry of more than 7.5 KiB, and entries of more than 8 MiB', async () => {
      const id = 'i'.repeat(1500);
      const deep = `${id}/${id}/${id}/${id}`;
      await refused(set(deep, { x: integer(1) }), 'Index entry is too large.');
      await refused(set(`a/${id}`, { n: list(...Array.from({ length: 5000 }, (_, i) => integer(i))) }), tooBig);
    });
  });

  describe('queries', () => {
    beforeEach(async () => {
      const fields = { n: nan, z: nothing, 1: integer(1), 2: integer(2) };
      for (const [id, x] of Object.entries(fields)) await set(`a/${id}`, { x, xs: list(x) });
    });

    it('finds null and NaN by comparison, and not inside lists and arrays', async () => {
      assert.deepEqual(await query(where('EQUAL', nothing)), ['z']);
      assert.deepEqual(await query(where('EQUAL', nan)), ['n']);
      assert.deepEqual(await query(where('IN', list(nothing, nan, integer(1)))), ['1']);
      assert.deepEqual(await query(where('IN', list(nothing))), []);
      assert.deepEqual(await query(where('ARRAY_CONTAINS_ANY', list(nothing, nan, integer(2)), 'xs')), ['2']);
      assert.deepEqual(await query(where('ARRAY_CONTAINS', nan, 'xs')), []);
      assert.deepEqual(await query(where('ARRAY_CONTAINS', nothing, 'xs')), []);
      assert.deepEqual(await query(where('NOT_IN', list(nothing))), []);
      assert.deepEqual(await query(where('NOT_IN', list(nan, integer(1)))), ['2']);
    });

    it('never finds NaN less or greater than a number, nor a number than NaN, in whatever order', async () => {
      for (const op of ['LESS_THAN', 'LESS_THAN_OR_EQUAL']) {
        assert.deepEqual(await query(where(op, integer(2))), op === 'LESS_THAN' ? ['1'] : ['1', '2']);
        const orderBy = [{ field: { fieldPath: 'x' }, direction: 'DESCENDING' }];
        assert.deepEqual(await query({ ...where(op, integer(9)), orderBy }), ['2', '1']);
      }
      for (const op of ['LESS_THAN', 'LESS_THAN_OR_EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL'])
        assert.deepEqual(await query(where(op, nan)), []);
      const both = { op: 'AND', filters: [where('EQUAL', nan).where, where('LESS_THAN_OR_EQUAL', nan).where] };
      assert.deepEqual(await query({ where: { compositeFilter: both } }), []);
      const structuredQuery = { from: [{ collectionId: 'a' }], ...where('LESS_THAN', integer(9)) };
      const [counted] = await client.stream('RunAggregationQuery', {
        parent: root,
        structuredAggregationQuery: { structuredQuery, aggregations: [{ count: {}, alias: 'n' }] },
      });
      assert.deepEqual(counted?.result, { aggregateFields: { n: integer(2) } });
    });

    it('orders by the fields of inequalities by name, not by how the name is quoted', async () => {
      server.clear();
      await set('a/1', { A: integer(2), 'B c': integer(1) });
      await set('a/2', { A: integer(1), 'B c': integer(2) });
      await set('a/3', { a: integer(1), 'B c': integer(2) });
      await set('a/4', { a: integer(2), 'B c': integer(1) });
      const above = (...paths: string[]) => ({
        where: {
          compositeFilter: {
            op: 'AND',
            filters: paths.map((path) => where('GREATER_THAN', integer(0), path).where),
          },
        },
      });
      assert.deepEqual(await query(above('`B c`', 'A')), ['2', '1']);
      assert.deepEqual(await query(above('a', '`B c`')), ['4', '3']);
    });

    it('refuses more cursor values than orders', async () => {
      const cursor = { values: [integer(1), integer(2)], before: true };
      const orderBy = [{ field: { fieldPath: 'x' }, direction: 'ASCENDING' }];
      await refused(query({ orderBy, startAt: cursor }), 'Cursor has too many values.');
      await refused(query({ endAt: { values: [integer(1)] } }), 'Cursor has too many values.');
    });

    it('keeps 1,500 bytes of a value in an index: longer ones that begin alike are one to a query', async () => {
      server.clear();
      const long = 'l'.repeat(1500);
      for (const [i, end] of ['', 'a', 'b'].entries()) await set(`a/${i}`, { x: text(`${long}${end}`) });
      assert.deepEqual(await query(where('EQUAL', text(long))), ['0']);
      assert.deepEqual(await query(where('EQUAL', text(`${long}a`))), ['1', '2']);
      assert.deepEqual(await query(where('GREATER_THAN', text(long))), ['1', '2']);
    });
  });

  describe('what is not supported', () => {
    const structuredQuery = { from: [{ collectionId: 'a' }] };
    const vector = map({ __type__: text('__vector__'), value: list({ doubleValue: 1 }) });
    const findNearest = {
      vectorField: { fieldPath: 'v' },
      queryVector: vector,
      distanceMeasure: 'EUCLIDEAN',
      limit: { value: 1 },
    };
    const nearest = { ...structuredQuery, findNearest };
    const aggregation = (inner: Message) => ({ structuredQuery: inner, aggregations: [{ count: {}, alias: 'n' }] });
    const explainOptions = { analyze: false };
    const partitions = { ...structuredQuery, from: [{ collectionId: 'a', allDescendants: true }] };
    const calls: Record<string, readonly [string, Message, RegExp]> = {
      findNearest: ['RunQuery', { structuredQuery: nearest }, /find_nearest is not supported/],
      'findNearest in an aggregation': [
        'RunAggregationQuery',
        { structuredAggregationQuery: aggregation(nearest) },
        /find_nearest is not supported/,
      ],
      'the explanation of a query': ['RunQuery', { structuredQuery, explainOptions }, /explain_options is not supp/],
      'the explanation of an aggregation': [
        'RunAggregationQuery',
        { structuredAggregationQuery: aggregation(structuredQuery), explainOptions },
        /explain_options is not supported/,
      ],
    };
    for (const [what, [method, request, message]] of Object.entries(calls)) {
      it(`refuses ${what}`, () => refused(client.stream(method, { parent: root, ...request }), message, unimplemented));
    }

    it('refuses listings by a field and partitions page by page', async () => {
      const listing = { parent: root, collectionId: 'a', orderBy: 'x' };
      await refused(client.call('ListDocuments', listing), /ordered by "x" is not supported/, unimplemented);
      const paged = { parent: root, structuredQuery: partitions, partitionCount: '2', pageSize: 1 };
      await refused(client.call('PartitionQuery', paged), /page by page is not supported/, unimplemented);
    });

    it('refuses the streaming Write', () =>
      refused(client.stream('Write', { database }), /does not implement the method/, unimplemented));

    it('refuses to listen from a time on, and for the nearest', async () => {
      const targets: Message[] = [
        { query: { parent: root, structuredQuery }, readTime: { seconds: '1' } },
        { query: { parent: root, structuredQuery: nearest } },
      ];
      for (const addTarget of targets) {
        const [change] = await client.converse('Listen', { database, addTarget }, 1);
        const { targetChange } = change as { targetChange: { targetChangeType: string; cause: { code: number } } };
        assert.deepEqual([targetChange.targetChangeType, targetChange.cause.code], ['REMOVE', unimplemented]);
      }
    });
  });

  it('honours the exemptions of firestore.indexes.json when it counts index entries', async () => {
    const exempt = await startFirestoreServer({
      indexes: {
        fieldOverrides: [
          { collectionGroup: 'a', fieldPath: 'list', indexes: [] },
          { collectionGroup: 'a', fieldPath: 'map', indexes: [] },
          { collectionGroup: 'c', fieldPath: '*', indexes: [] },
          { collectionGroup: 'd', fieldPath: 'n', indexes: [{ order: 'ASCENDING' }] },
        ],
        indexes: [
          {
            collectionGroup: 'e',
            fields: [
              { fieldPath: 'n', order: 'ASCENDING' },
              { fieldPath: 'list', arrayConfig: 'CONTAINS' },
            ],
          },
        ],
      },
    });
    const there = connect(exempt);
    try {
      const numbers = list(...Array.from({ length: 20_000 }, (_, i) => integer(i)));
      const write = (path: string, fields: Message) =>
        there.call('Commit', { database, writes: [{ update: document(path, fields) }] });
      const many = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, integer(i)]));
      await write('a/b', { list: numbers, map: map({ inner: numbers }) });
      await write('c/b', { anything: numbers });
      await write('e/b', { list: list(...Array.from({ length: 13_000 }, (_, i) => integer(i))) });
      const message = /too many index entries for entity \//;
      await refused(write('a/b', { other: numbers }), message);
      await refused(write('d/b', { list: numbers }), message);
      // Two entries for each element in the automatic index, one in the composite, which needs its other field too.
      const elements = list(...Array.from({ length: 14_000 }, (_, i) => integer(i)));
      await write('e/c', { list: elements });
      await refused(write('e/c', { list: elements, n: integer(1) }), message);
      await refused(write('b/b', many(20_001)), message);
    } finally {
      there.close();
      await exempt.close();
    }
  });
});
