import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Filter, type Query, type QuerySnapshot, Timestamp } from 'firebase-admin/firestore';
import { type AdminClient, startAdminClient } from './adminClient.ts';
import {
  type ModelDocument,
  type ModelFilter,
  type ModelOrder,
  type ModelQuery,
  modelResults,
} from './referenceModel.ts';

// Random documents and random queries through the Admin SDK must give what filtering and sorting by hand gives.

const scalar = fc.constantFrom<unknown>(
  null,
  false,
  true,
  Number.NaN,
  -1.5,
  0,
  -0,
  1,
  1.5,
  2,
  2 ** 53,
  Timestamp.fromMillis(0),
  Timestamp.fromMillis(1500),
  '',
  'a',
  'b',
  'é',
  '｡',
  '😀',
  Buffer.from([0]),
  Buffer.from([0, 255]),
);
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.record({ k: scalar }, { requiredKeys: [] }) },
);
const field = fc.constantFrom('a', 'b', 'c');
const data = fc.record({ a: value, b: value, c: value, t: fc.array(scalar, { maxLength: 4 }) }, { requiredKeys: [] });
const paths = [
  'items/a',
  'items/b',
  'items/é',
  'items/__id7__',
  'items/__id10__',
  'items/Z',
  'items/a/items/b',
  'items/a/items/c',
  'other/x/items/a',
  'other/x',
];
const documents = fc
  .uniqueArray(fc.constantFrom(...paths, ...Array.from({ length: 12 }, (_, i) => `items/n${i}`)), {
    minLength: 4,
    maxLength: 18,
  })
  .chain((chosen) => fc.tuple(...chosen.map((path) => data.map((fields): ModelDocument => ({ path, data: fields })))));

// Null and NaN have operators of their own in the SDK, which only allows == and != with them.
const comparable = value.filter((each) => each !== null && !Number.isNaN(each));
const comparableScalar = scalar.filter((each) => each !== null && !Number.isNaN(each));
const someValues = fc.array(scalar, { minLength: 1, maxLength: 3 });
const equality = fc.oneof(
  fc.record({ field, op: fc.constant('==' as const), value }),
  fc.record({ field: fc.constant('t'), op: fc.constant('array-contains' as const), value: comparableScalar }),
  fc.record({ field, op: fc.constant('in' as const), value: someValues }),
);
const inequality = fc.oneof(
  fc.record({
    field,
    op: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
    value: comparable,
  }),
  fc.record({ field, op: fc.constant('!=' as const), value }),
);
const where = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      filters: fc.array(fc.oneof(equality, inequality), { maxLength: 3 }),
      alternatives: fc.constant<ModelFilter[][]>([]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      filters: fc.array(equality, { maxLength: 1 }),
      alternatives: fc.array(fc.array(fc.oneof(equality, inequality), { minLength: 1, maxLength: 2 }), {
        minLength: 2,
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      filters: fc.tuple(fc.record({ field, op: fc.constant('not-in' as const), value: someValues })),
      alternatives: fc.constant<ModelFilter[][]>([]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      filters: fc.tuple(
        fc.record({ field: fc.constant('t'), op: fc.constant('array-contains-any' as const), value: someValues }),
      ),
      alternatives: fc.constant<ModelFilter[][]>([]),
    }),
  },
);
const order: fc.Arbitrary<ModelOrder> = fc.record({
  field,
  direction: fc.constantFrom('asc' as const, 'desc' as const),
});
const orders = fc.uniqueArray(order, { selector: (each) => each.field, maxLength: 3 });
const cursor = fc.record({ values: fc.array(value, { minLength: 1, maxLength: 3 }), inclusive: fc.boolean() });
const place = fc.constantFrom('items', 'items/a/items', 'group');

const query = fc
  .record({
    place,
    where,
    orders,
    start: fc.option(cursor, { nil: undefined, freq: 2 }),
    end: fc.option(cursor, { nil: undefined, freq: 2 }),
    offset: fc.constantFrom(0, 0, 0, 1, 2),
    limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    toLast: fc.boolean(),
  })
  // Production takes one array-contains in each alternative, and at most 30 alternatives.
  .filter(({ where: { filters, alternatives } }) =>
    (alternatives.length === 0 ? [[]] : alternatives).every(
      (each) => [...filters, ...each].filter(({ op }) => op.startsWith('array-contains')).length <= 1,
    ),
  );
type Shape = typeof query extends fc.Arbitrary<infer T> ? T : never;

const insideOf: Record<Shape['place'], (path: string) => boolean> = {
  items: (path) => /^items\/[^/]+$/.test(path),
  'items/a/items': (path) => /^items\/a\/items\/[^/]+$/.test(path),
  group: (path) => /(^|\/)items\/[^/]+$/.test(path),
};

const cut = (each: { values: unknown[]; inclusive: boolean } | undefined, length: number) =>
  each && length > 0 ? { values: each.values.slice(0, length), inclusive: each.inclusive } : undefined;

function modelOf(shape: Shape): ModelQuery {
  const start = cut(shape.start, shape.orders.length);
  const end = cut(shape.end, shape.orders.length);
  return {
    inside: insideOf[shape.place],
    ...shape.where,
    orders: shape.orders,
    ...(start ? { start } : {}),
    ...(end ? { end } : {}),
    offset: shape.offset,
    limit: shape.limit,
  };
}

const asFilter = (each: ModelFilter) => Filter.where(each.field, each.op, each.value);

function sdkQuery({ db }: AdminClient, shape: Shape, model: ModelQuery): Query {
  let built: Query = shape.place === 'group' ? db.collectionGroup('items') : db.collection(shape.place);
  for (const each of model.filters) built = built.where(asFilter(each));
  if (model.alternatives.length > 0) {
    built = built.where(Filter.or(...model.alternatives.map((all) => Filter.and(...all.map(asFilter)))));
  }
  for (const each of model.orders) built = built.orderBy(each.field, each.direction);
  if (model.start)
    built = model.start.inclusive ? built.startAt(...model.start.values) : built.startAfter(...model.start.values);
  if (model.end) built = model.end.inclusive ? built.endAt(...model.end.values) : built.endBefore(...model.end.values);
  if (model.offset > 0) built = built.offset(model.offset);
  if (model.limit !== undefined) built = built.limit(model.limit);
  return built;
}

describe('Firestore queries against filtering and sorting by hand', () => {
  let client: AdminClient;
  before(async () => {
    client = await startAdminClient();
  });
  after(() => client.close());

  const check = async (stored: readonly ModelDocument[], shape: Shape) => {
    const model = modelOf(shape);
    const built = sdkQuery(client, shape, model);
    const found = await built.get();
    const expected = modelResults(stored, model);
    assert.deepEqual(pathsOf(found), expected);
    const { count } = (await built.count().get()).data();
    assert.equal(count, expected.length);
    if (shape.toLast && model.orders.length > 0 && model.limit !== undefined && model.offset === 0) {
      const all = modelResults(stored, { ...model, limit: undefined });
      assert.deepEqual(pathsOf(await built.limitToLast(model.limit).get()), all.slice(-model.limit));
    }
  };

  it('finds the same documents in the same order, before and after documents have changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        documents,
        fc.array(query, { minLength: 1, maxLength: 6 }),
        async (first, second, shapes) => {
          client.server.clear();
          for (const [present, wanted] of [
            [[], first],
            [first, second],
          ] as const) {
            // The second time the indexes are there already and have to follow the changes.
            const batch = client.db.batch();
            for (const { path } of present) batch.delete(client.db.doc(path));
            for (const { path, data: fields } of wanted) batch.set(client.db.doc(path), fields);
            await batch.commit();
            for (const shape of shapes) await check(wanted, shape);
          }
        },
      ),
      { numRuns: 60 },
    );
  }).timeout(60_000);
});

const pathsOf = (found: QuerySnapshot) => found.docs.map((each) => each.ref.path);
