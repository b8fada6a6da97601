import assert from 'node:assert/strict';
import mongoose from 'mongoose';
import { type MongoServer, startMongoServer } from '../../../../local/servers/mongodb/server.ts';
import { until } from '../../../support/until.ts';

interface Project {
  name: string;
  owner?: mongoose.Types.ObjectId;
  tags: string[];
  stats: { views: number };
  createdAt: Date;
  updatedAt: Date;
}

interface Owner {
  email: string;
}

describe('MongoDB server: mongoose', () => {
  let server: MongoServer;
  let connection: mongoose.Connection;
  let Projects: mongoose.Model<Project>;
  let Owners: mongoose.Model<Owner>;

  before(async () => {
    server = await startMongoServer();
    connection = await mongoose.createConnection(server.uri, { dbName: 'app' }).asPromise();
    Owners = connection.model('Owner', new mongoose.Schema<Owner>({ email: { type: String, unique: true } }));
    Projects = connection.model(
      'Project',
      new mongoose.Schema<Project>(
        {
          name: { type: String, required: true, index: true },
          owner: { type: mongoose.Schema.Types.ObjectId, ref: 'Owner' },
          tags: [String],
          stats: { views: { type: Number, default: 0 } },
        },
        { timestamps: true },
      ),
    );
    await Promise.all([Owners.init(), Projects.init()]);
  });
  after(async () => {
    await connection.close();
    await server.close();
  });

  it('builds its indexes', async () => {
    assert.deepEqual(Object.keys(await Projects.collection.indexInformation()).sort(), ['_id_', 'name_1']);
    await Owners.create({ email: 'a@x' });
    await assert.rejects(Owners.create({ email: 'a@x' }), { code: 11000 });
  });

  it('creates, finds, populates, saves and deletes', async () => {
    const owner = await Owners.create({ email: 'b@x' });
    const created = await Projects.create({ name: 'one', owner: owner._id, tags: ['t'] });
    const found = await Projects.findOne({ name: 'one' }).populate<{ owner: Owner }>('owner');
    assert.equal(found?.owner.email, 'b@x');
    assert.ok(found?.createdAt instanceof Date);
    created.tags.push('u');
    created.stats.views = 5;
    await created.save();
    assert.deepEqual((await Projects.findById(created._id).lean())?.tags, ['t', 'u']);
    const updated = await Projects.findOneAndUpdate(
      { 'stats.views': { $gte: 5 } },
      { $inc: { 'stats.views': 1 }, $addToSet: { tags: 'v' } },
      { returnDocument: 'after' },
    );
    assert.deepEqual([updated?.stats.views, updated?.tags.length], [6, 3]);
    assert.equal((await Projects.deleteOne({ _id: created._id })).deletedCount, 1);
    assert.equal(await Projects.exists({ _id: created._id }), null);
  });

  it('runs bulk writes, aggregations and cursors', async () => {
    await Projects.bulkWrite(
      Array.from({ length: 250 }, (_, n) => ({ insertOne: { document: { name: `p${n}`, tags: [`t${n % 3}`] } } })),
    );
    const groups = await Projects.aggregate<{ _id: string; n: number }>([
      { $unwind: '$tags' },
      { $group: { _id: '$tags', n: { $sum: 1 } } },
      { $sort: { _id: 1 } },
    ]);
    assert.deepEqual(
      groups.map(({ n }) => n),
      [84, 83, 83],
    );
    let count = 0;
    for await (const project of Projects.find().sort({ name: 1 }).cursor({ batchSize: 50 }))
      count += project.name.startsWith('p') ? 1 : 0;
    assert.equal(count, 250);
  });

  it('runs transactions', async () => {
    await assert.rejects(
      connection.transaction(async (session) => {
        await Projects.create([{ name: 'rolled back' }], { session });
        throw new Error('no');
      }),
    );
    await connection.transaction(async (session) => {
      await Projects.create([{ name: 'committed' }], { session });
    });
    assert.equal(await Projects.countDocuments({ name: { $in: ['rolled back', 'committed'] } }), 1);
  });

  it('watches a model', async () => {
    const stream = Projects.watch([], { hydrate: true });
    const events: string[] = [];
    stream.on('change', (event: { operationType: string }) => events.push(event.operationType));
    await until(() => server.stats().cursors === 1, 'the stream is open');
    const project = await Projects.create({ name: 'watched' });
    project.name = 'renamed';
    await project.save();
    await project.deleteOne();
    await until(() => events.length === 3, 'three events came');
    assert.deepEqual(events, ['insert', 'update', 'delete']);
    await stream.close();
  });
});
