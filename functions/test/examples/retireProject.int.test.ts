// The saga of docs/consistency.md: attacks "after a crash at any step it comes to the same end".
import assert from 'node:assert/strict';
import { MongoClient, ObjectId, type Timestamp } from 'mongodb';
import { type MongoServer, startMongoServer } from '../../local/servers/mongodb/server.ts';
import { type Retirement, type RetireServices, retire } from './retireProject.ts';

describe('a saga that retires a project', () => {
  let mongo: MongoServer;
  let client: MongoClient;
  before(async () => {
    mongo = await startMongoServer();
    client = await new MongoClient(mongo.uri).connect();
  });
  after(async () => {
    await client.close();
    await mongo.close();
  });

  const project = { name: 'First light' };

  /** A world in which the step with a number dies once, right after it has done its work. */
  async function startAt(isBillable: boolean, dies: number) {
    const projects = client.db('c').collection('projects');
    const retirements = client.db('c').collection<Retirement>('retirements');
    const _id = new ObjectId();
    await projects.insertOne({ _id, ...project });
    await retirements.insertOne({ _id, project, step: 'delete' });
    const done: string[] = [];
    const note = (what: string) => {
      done.push(what);
      if (done.length === dies) throw new Error('killed');
    };
    const times: Timestamp[] = [];
    const services: RetireServices = {
      client,
      projects,
      retirements,
      async waitUntilInStep(_projectId, { atLeast }) {
        times.push(atLeast);
        const lives = (await projects.countDocuments({ _id })) > 0;
        note(lives ? 'lives' : 'gone');
        return { kind: lives ? 'in-step' : 'deleted', version: null, revision: 1 };
      },
      async endSubscription() {
        note('billing');
        return isBillable;
      },
      restore: async () => note('restored'),
    };
    /** What a queue does with it: again after every failure, from what is on record. */
    const run = async (): Promise<string> => {
      for (;;) {
        const retirement = await retirements.findOne({ _id });
        assert.ok(retirement);
        try {
          return await retire(services, retirement);
        } catch (error) {
          if (!(error instanceof Error && error.message === 'killed')) throw error;
        }
      }
    };
    return { run, projects, _id, done, times };
  }

  for (const dies of [0, 1, 2]) {
    it(`ends with the project gone where billing agrees${dies > 0 ? `, killed in step ${dies}` : ''}`, async () => {
      const { run, projects, _id } = await startAt(true, dies);
      assert.equal(await run(), 'retired');
      assert.equal(await projects.findOne({ _id }), null);
    });
  }

  for (const dies of [0, 1, 2, 3, 4]) {
    it(`is compensated where billing refuses${dies > 0 ? `, killed in step ${dies}` : ''}`, async () => {
      const { run, projects, _id, done, times } = await startAt(false, dies);
      assert.equal(await run(), 'kept');
      assert.deepEqual(await projects.findOne({ _id }), { _id, ...project });
      assert.ok(done.includes('restored'));
      assert.ok(done.indexOf('lives') < done.indexOf('restored'), 'restored only into a project that is known to live');
      assert.ok(times.every((time, index) => index === 0 || time.greaterThanOrEqual(times[index - 1] ?? time)));
    });
  }
});
