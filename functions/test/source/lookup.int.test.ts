// Attacks I5 and I8: how MongoDB is asked decides whether "not found" may be taken for "deleted".
import assert from 'node:assert/strict';
import {
  Binary,
  BSONRegExp,
  type CommandStartedEvent,
  Decimal128,
  Double,
  Long,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { z } from 'zod';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { defineConfig, type IdForm } from '../../src/config/defineConfig.ts';
import { connectSource, type ProjectsSource } from '../../src/source/connect.ts';
import { createProjectLookup } from '../../src/source/lookup.ts';
import { idsInNoForm } from '../../src/source/otherIds.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { startWorld } from '../reconcile/world.ts';

const configWith = (ids?: IdForm[]) =>
  defineConfig({
    source: {
      database: 'collaboration',
      collection: 'projects',
      fields: ['name', 'profile.title'],
      ...(ids && { ids }),
    },
    collections: [{ path: 'analyses', projectId: 'projectId' }],
  });

/** What is looked at of a `find` on the wire. */
const findSchema = z.looseObject({
  filter: z.unknown(),
  projection: z.unknown(),
  readConcern: z.looseObject({ level: z.string() }),
  maxTimeMS: z.number(),
  $readPreference: z.looseObject({ mode: z.string() }).optional(),
});

describe('looking projects up in MongoDB', () => {
  const config = configWith();
  const hex = '66f0a1b2c3d4e5f6a7b8c9d0';
  const uuid = '0b5f8a52-6f3c-4a52-9a43-0f8dc2b4b1aa';
  const document = { name: 'a', likes: 3, profile: { title: 't', secret: 's' } };
  let mongo: MongoServer;
  let source: ProjectsSource;
  let finds: z.output<typeof findSchema>[];

  beforeEach(async () => {
    mongo = await startMongoServer();
    source = await connectSource(mongo.uri, config, { monitorCommands: true });
    finds = [];
    source.client.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
      if (commandName === 'find') finds.push(findSchema.parse(command));
    });
  });
  afterEach(async () => {
    await source.close();
    await mongo.close();
  });

  it('tells apart a value that no copy can have, so that the other fields go on', async () => {
    await source.projects.insertOne({ _id: new ObjectId(hex), name: { __name__: 'x' }, profile: { title: 't' } });
    const found = (await createProjectLookup(source.projects, config).find([hex])).get(hex);
    assert.deepEqual(found?.fields, { 'profile.title': 't' });
    assert.match(found?.refused.name ?? '', /"__name__", which Firestore reserves/);
  });

  // I11: what cannot be read of one project would keep all that are asked for with it from being read.
  it('reads values that JavaScript or the driver have no equal of, next to others', async () => {
    const [first, second] = ['1'.repeat(24), '2'.repeat(24)];
    await source.projects.insertMany([
      { _id: new ObjectId(first), name: new BSONRegExp('(?i)draft', '') },
      { _id: new ObjectId(second), name: new Binary(Buffer.from('abc'), Binary.SUBTYPE_UUID) },
      { _id: new ObjectId(hex), name: 'a' },
    ]);
    const found = await createProjectLookup(source.projects, config).find([first, second, hex]);
    assert.deepEqual(
      [...found.values()].map(({ fields }) => fields.name).toSorted(),
      ['/(?i)draft/', 'YWJj', 'a'].toSorted(),
    );
  });

  it('asks once for all, a majority, the primary, and for no field that is not configured', async () => {
    const lookup = createProjectLookup(source.projects, config);
    await source.projects.insertOne({ _id: new ObjectId(hex), ...document });
    const found = await lookup.find([hex, 'text']);
    assert.deepEqual(
      [...found.values()],
      [{ projectId: hex, fields: { name: 'a', 'profile.title': 't' }, refused: {} }],
    );
    assert.deepEqual(finds.length, 1);
    const [find] = finds;
    assert.deepEqual(find?.filter, { _id: { $in: [hex, new ObjectId(hex), 'text'] } });
    assert.deepEqual(find?.projection, { _id: 1, name: 1, 'profile.title': 1 });
    assert.deepEqual(find?.readConcern, { level: 'majority' });
    assert.ok((find?.maxTimeMS ?? 0) > 0);
    // The driver leaves out what a server assumes by itself.
    assert.equal(find?.$readPreference?.mode ?? 'primary', 'primary');
  });

  it('asks a secondary only when told to', async () => {
    await createProjectLookup(source.projects, config, { readPreference: 'secondaryPreferred' }).find([hex]);
    assert.equal(finds[0]?.$readPreference?.mode, 'secondaryPreferred');
    assert.equal(finds[0]?.readConcern.level, 'majority');
  });

  it('does not ask about nothing', async () => {
    assert.equal((await createProjectLookup(source.projects, config).find([])).size, 0);
    assert.deepEqual(finds, []);
  });

  for (const [what, ids] of Object.entries({ 'by default': undefined, 'one form only': ['objectId'] } as const)) {
    it(`finds what lives in every form that its text can have, whatever is configured: ${what}`, async () => {
      await source.projects.insertMany([{ _id: 'text' }, { _id: new ObjectId(hex) }, { _id: new UUID(uuid) }]);
      const lookup = createProjectLookup(source.projects, configWith(ids && [...ids]));
      const asked = ['text', hex, uuid, 'no such', '0'.repeat(24), uuid.replaceAll('a', 'b')];
      assert.deepEqual([...(await lookup.find(asked)).keys()].sort(), ['text', hex, uuid].sort());
    });
  }

  it('finds a project whose _id is a whole number of any numeric type, and lists those that are none', async () => {
    const decimals = ['4', '1E+3', '0E-10'].map((text) => Decimal128.fromString(text));
    const numbers = [1, Long.fromString('9007199254740993'), new Double(3), ...decimals];
    await source.projects.insertMany([...numbers, new Double(5.5), new Double(Number.NaN)].map((_id) => ({ _id })));
    const asked = ['0', '1', '9007199254740993', '3', '4', '5', '5.5', '6', '1000'];
    const found = await createProjectLookup(source.projects, configWith(['integer'])).find(asked);
    assert.deepEqual([...found.keys()].sort(), ['0', '1', '1000', '3', '4', '9007199254740993']);
    const inNoForm = (form: IdForm) => source.projects.aggregate([{ $match: idsInNoForm([form]) }]).toArray();
    const others = await inNoForm('integer');
    assert.deepEqual(others.map(({ _id }) => String(_id)).sort(), ['5.5', 'NaN']);
    assert.equal((await inNoForm('string')).length, 8);
  });

  it('is done once per batch by a reconciliation, with a majority read of the primary after the time that it speaks of', async () => {
    const world = await startWorld();
    const watched = await connectSource(world.productUri, world.config, { monitorCommands: true });
    try {
      const ids = await world.addProjects(Array.from({ length: 25 }, () => 'name'));
      await world.addAssets(
        'analyses',
        ids.map((projectId) => ({ projectId })),
      );
      watched.client.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
        if (commandName === 'find') finds.push(findSchema.parse(command));
      });
      const { limits } = world.dependencies();
      const truth = createProjectTruth(watched, world.config);
      const outcome = await world.run({ mode: 'report' }, { truth, limits: { ...limits, lookupBatch: 10 } });
      assert.equal(outcome.kind, 'done');
      assert.equal(finds.length, 3);
      for (const find of finds) {
        assert.equal(find.readConcern.level, 'majority');
        assert.ok(find.readConcern.afterClusterTime instanceof Timestamp);
        assert.equal(find.$readPreference?.mode ?? 'primary', 'primary');
      }
    } finally {
      await watched.close();
      await world.close();
    }
  });

  it('finds a project under every spelling of its id', async () => {
    await source.projects.insertMany([{ _id: new ObjectId(hex) }, { _id: new UUID(uuid) }, { _id: 'Text' }]);
    const asked = [hex, hex.toUpperCase(), uuid.toUpperCase(), 'text'];
    const found = await createProjectLookup(source.projects, config).find(asked);
    assert.deepEqual([...found.keys()].sort(), asked.slice(0, 3).sort());
  });
});
