import assert from 'node:assert/strict';
import { Binary, Long, type MongoClient, ObjectId, UUID } from 'mongodb';
import type { IdForm } from '../../src/config/defineConfig.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { eventId } from '../../src/events/contract.ts';
import type { ReconcileRequest } from '../../src/events/reconciliationRequest.ts';
import { type Version, versionOf } from '../../src/events/version.ts';
import type { BrakeKind } from '../../src/reconcile/brakes.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import type { ReconcileDependencies } from '../../src/reconcile/runRecord.ts';
import {
  emptyProjectRecord,
  type ProjectRecord,
  projectRecordData,
  projectRecordRef,
} from '../../src/records/projectRecord.ts';
import { connectSource } from '../../src/source/connect.ts';
import type { ProjectTruth } from '../../src/source/truth.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { failCommand } from '../support/failPoint.ts';
import { startWorld, type World, worldConfig } from './world.ts';

/** MongoDB's codes: https://www.mongodb.com/docs/manual/reference/error-codes/ */
const interruptedAtShutdown = 11600;
const maxTimeExpired = 50;

const projects = 60;

/** What each brake tells a person to do. */
const waysOut: Readonly<Record<BrakeKind, RegExp>> = {
  'source-empty': /^check MONGODB_URI and "source" in lockstep\.config\.ts/,
  'source-ids': /"source\.ids"|Give it an _id that is an ObjectId, a string or a UUID/,
  'source-changed': /--allow-new-source/,
  'source-unsteady': /^check that all members of the replica set hold the same data, and run again/,
  'projects-shrunk': /--allow-shrink/,
  'too-many-orphans': /--allow-orphans \d+/,
  'source-unreachable': /^run again when MongoDB can be reached/,
  'source-refused': /the role "read" on the database/,
};

// Attacks I8: in each of these, MongoDB says of living projects that they do not exist.
describe('brakes against a wrong MongoDB', () => {
  let world: World;
  let ids: string[];

  beforeEach(async () => {
    world = await startWorld();
    ids = await world.addProjects(Array.from({ length: projects }, (_, number) => `name ${number}`));
    await world.addRecords(ids, 'live');
    await world.addAssets(
      'analyses',
      ids.flatMap((projectId) => [{ projectId }, { projectId }]),
    );
  });
  afterEach(() => world.close());

  const fail = (commands: readonly string[], data: object, times: number) =>
    failCommand(world.source.client, commands, data, { times });
  /** All that reconciliation asks MongoDB. */
  const questions = ['hello', 'find', 'aggregate', 'count', 'listCollections', 'getMore'];

  /** A clean run brakes, says so, names what it saw, and every asset is still there. */
  async function assertBrakes(
    kind: BrakeKind,
    saw: RegExp,
    request: Partial<ReconcileRequest> = {},
    change: Partial<ReconcileDependencies> = {},
  ): Promise<void> {
    const outcome = await world.run({ mode: 'clean', ...request }, change);
    assert.equal(outcome.kind, 'braked');
    assert.equal(outcome.brake.kind, kind);
    assert.match(outcome.brake.saw, saw);
    assert.match(outcome.brake.goOn, waysOut[kind]);
    assert.equal(await world.countOf('analyses'), projects * 2);
    const last = world.log.lines.findLast(({ level }) => level === 'alarm');
    assert.equal(last?.fields.alarm, 'brake');
    assert.equal(last.fields.brake, kind);
    const record = await world.firestore.collection('syncJobs').doc(outcome.report.jobId).get();
    assert.equal(record.get('status'), 'braked');
    assert.equal(record.get('brake.kind'), kind);
  }

  /** Allows all that flags can, so that only the brake under test can stop the run. */
  const allowAll = { allow: { orphans: 1_000, shrink: true, source: true } };

  it('an empty collection', async () => {
    await world.source.projects.deleteMany({});
    await assertBrakes('source-empty', /collaboration\.projects in MongoDB has no projects/, allowAll);
  });

  /** Adds a project with any `_id` at all. */
  const addOdd = (client: MongoClient, id: unknown) =>
    client.db('collaboration').collection<{ _id: unknown }>('projects').insertOne({ _id: id });

  const ofNoForm: Record<string, unknown> = {
    'a UUID': new UUID(),
    'an integer': 7,
    'a long integer': Long.fromString('9007199254740993'),
    'a date': new Date(0),
    'a document': { tenant: 1 },
    'bytes that are no UUID': new Binary(Buffer.alloc(16), 0),
  };
  for (const [what, id] of Object.entries(ofNoForm)) {
    it(`a living project whose _id is ${what}, which is not configured`, async () => {
      await addOdd(world.source.client, id);
      await assertBrakes('source-ids', /a project whose _id is .*, which is in none of the forms/, allowAll);
      const report = await world.run({ mode: 'report' });
      assert.equal(report.kind, 'braked');
      assert.equal(report.brake.kind, 'source-ids');
      assert.equal(report.report.projects, projects, 'a report goes on');
    });
  }

  it('a living project whose _id is bytes beside the configured UUIDs', async () => {
    const ids: IdForm[] = ['objectId', 'uuid'];
    const config = defineConfig({ ...worldConfig, source: { ...worldConfig.source, ids } });
    await addOdd(world.source.client, new UUID('00000000-0000-0000-0000-000000000000'));
    await addOdd(world.source.client, new UUID('ffffffff-ffff-ffff-ffff-ffffffffffff'));
    assert.equal((await world.run({ mode: 'clean' }, { config })).kind, 'done');
    for (const bytes of [new Binary(Buffer.alloc(16), 3), new Binary(Buffer.alloc(17), 4)]) {
      await addOdd(world.source.client, bytes);
      await assertBrakes('source-ids', /_id is \{"\$binary"/, allowAll, { config });
      await world.source.client.db('collaboration').collection<{ _id: unknown }>('projects').deleteOne({ _id: bytes });
    }
    await world.source.client.db('collaboration').collection<{ _id: string }>('projects').insertOne({ _id: 'text' });
    await assertBrakes('source-ids', /_id is "text"/, allowAll, { config });
  });

  it('a wrong database name', async () => {
    const config = defineConfig({ ...worldConfig, source: { ...worldConfig.source, database: 'colaboration' } });
    const source = await connectSource(world.mongo.uri, config);
    try {
      const truth = createProjectTruth(source, config);
      await assertBrakes('source-empty', /colaboration\.projects/, allowAll, { source, truth, config });
    } finally {
      await source.close();
    }
  });

  it('the database of another environment, which has projects of its own', async () => {
    await world.run({ mode: 'report' });
    const config = defineConfig({ ...worldConfig, source: { ...worldConfig.source, database: 'staging' } });
    const source = await connectSource(world.mongo.uri, config);
    try {
      await source.projects.insertMany(
        Array.from({ length: projects }, () => ({ _id: new ObjectId(), name: 'staging' })),
      );
      const truth = createProjectTruth(source, config);
      const request = { allow: { orphans: 1_000, shrink: true } };
      await assertBrakes('source-changed', /staging\.projects .* is another collection/, request, {
        source,
        truth,
        config,
      });
    } finally {
      await source.close();
    }
  });

  it('a collection that was dropped and made again', async () => {
    await world.run({ mode: 'report' });
    await world.source.projects.drop();
    await world.addProjects(Array.from({ length: projects }, () => 'restored'));
    await assertBrakes('source-changed', /is another collection/, { allow: { orphans: 1_000, shrink: true } });
  });

  it('half of the projects missing', async () => {
    await world.run({ mode: 'report' });
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, projects / 2).map((id) => new ObjectId(id)) } });
    await assertBrakes('projects-shrunk', /30 projects; it had 60 .*50 % are gone/, { allow: { orphans: 1_000 } });
  });

  it('half of the projects missing at the very first run', async () => {
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, projects / 2).map((id) => new ObjectId(id)) } });
    await assertBrakes('too-many-orphans', /30 of 60 projects/, { allow: { shrink: true } });
  });

  it('more orphans than were allowed on purpose', async () => {
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, 8).map((id) => new ObjectId(id)) } });
    await assertBrakes('too-many-orphans', /8 of \d+ projects/, { allow: { orphans: 7, shrink: true } });
    const outcome = await world.run({ mode: 'clean', allow: { orphans: 8 } });
    assert.equal(outcome.kind, 'done');
    assert.equal(await world.countOf('analyses'), (projects - 8) * 2);
  });

  it('projects that vanish between the two passes', async () => {
    let asked = 0;
    const { truth } = world.dependencies();
    const vanishing: ProjectTruth = {
      async ask(projectIds) {
        const statement = await truth.ask(projectIds);
        asked += 1;
        if (asked === 1)
          await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, 30).map((id) => new ObjectId(id)) } });
        return statement;
      },
    };
    await assertBrakes('projects-shrunk', /30 projects; it had 60/, allowAll, { truth: vanishing });
  });

  it('a member that lags, which tells other than it told before', async () => {
    const { truth } = world.dependencies();
    let asked = 0;
    const forgetful: ProjectTruth = {
      async ask(projectIds) {
        const statement = await truth.ask(projectIds);
        asked += 1;
        return asked === 1 ? { ...statement, projects: new Map() } : statement;
      },
    };
    await assertBrakes(
      'source-unsteady',
      /projects that MongoDB did not have at the first look were there at the second/,
      allowAll,
      { truth: forgetful },
    );
  });

  it('a secondary that does not catch up in time', async () => {
    await fail(['find'], { errorCode: maxTimeExpired }, 10);
    await assertBrakes('source-unreachable', /failCommand/, allowAll);
    const [job] = (await world.firestore.collection('syncJobs').where('status', '==', 'braked').get()).docs;
    assert.equal(job?.get('findings.orphan-unknown'), 0);
  });

  it('a network partition in the middle of a run', async () => {
    const { truth } = world.dependencies();
    let asked = 0;
    const cutOff: ProjectTruth = {
      async ask(projectIds) {
        asked += 1;
        if (asked === 2) await fail(questions, { closeConnection: true }, 1_000);
        return truth.ask(projectIds);
      },
    };
    const limits = { ...defaultReconcileLimits, lookupBatch: 20, saveEveryMs: 50, closingMs: 0 };
    await assertBrakes('source-unreachable', /MongoDB did not answer/, allowAll, { truth: cutOff, limits });
    await fail([], {}, 0);
  });

  it('a network partition in the middle of the repair: what was not repaired by then waits for the next run', async () => {
    const orphans = 12;
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, orphans).map((id) => new ObjectId(id)) } });
    const { applier } = world.dependencies();
    let applied = 0;
    const cutOff: typeof applier = {
      async apply(event, options) {
        if (applied === 4) await fail(questions, { closeConnection: true }, 1_000);
        applied += 1;
        return applier.apply(event, options);
      },
    };
    const limits = { ...defaultReconcileLimits, parallelRepairs: 1, saveEveryMs: 50, closingMs: 0 };
    const cut = await world.run({ mode: 'clean' }, { applier: cutOff, limits });
    assert.equal(cut.kind, 'braked');
    assert.equal(cut.brake.kind, 'source-unreachable');
    assert.match(cut.brake.goOn, waysOut['source-unreachable']);
    assert.deepEqual([cut.report.repaired?.applied, cut.report.repaired?.failed], [4, 0]);
    assert.equal(await world.countOf('analyses'), (projects - 4) * 2);
    await fail([], {}, 0);
    // What the cut left behind it: the work lease of the project that was being deleted.
    world.advance(defaultSyncLimits.leaseMs + 1);
    const next = await world.run({ mode: 'clean' });
    assert.equal(next.kind, 'done');
    assert.equal(await world.countOf('analyses'), (projects - orphans) * 2);
    assert.equal((await world.run({ mode: 'report' })).kind, 'done');
  });

  it('a server that shuts down between the two passes', async () => {
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, 3).map((id) => new ObjectId(id)) } });
    const { truth } = world.dependencies();
    let asked = 0;
    const shutDown: ProjectTruth = {
      async ask(projectIds) {
        asked += 1;
        if (asked === 2) await fail(['find'], { errorCode: interruptedAtShutdown }, 10);
        return truth.ask(projectIds);
      },
    };
    await assertBrakes('source-unreachable', /failCommand/, allowAll, { truth: shutDown });
  });

  it('a user without read permission', async () => {
    await world.source.client.db('admin').command({ updateUser: 'lockstep', roles: [] });
    await assertBrakes('source-refused', /MongoDB refused to answer/, allowAll);
  });

  it('a report goes on past a brake, and tells what a clean run would meet', async () => {
    await world.run({ mode: 'report' });
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, 30).map((id) => new ObjectId(id)) } });
    const outcome = await world.run({ mode: 'report', allow: { orphans: 100 } });
    assert.equal(outcome.kind, 'braked');
    assert.equal(outcome.brake.kind, 'projects-shrunk');
    assert.equal(outcome.report.findings['orphan-unknown'], 30);
  });

  it('acts on what a person allows, and takes it for the measure of the next run', async () => {
    await world.run({ mode: 'report' });
    await world.source.projects.deleteMany({ _id: { $in: ids.slice(0, 30).map((id) => new ObjectId(id)) } });
    const outcome = await world.run({ mode: 'clean', allow: { orphans: 30, shrink: true } });
    assert.equal(outcome.kind, 'done');
    assert.equal(await world.countOf('analyses'), projects);
    const next = await world.run({ mode: 'clean' });
    assert.equal(next.kind, 'done');
  });
});

// Attacks I8 where a number such as "twenty orphans are always allowed" would be all there is.
describe('brakes against a wrong MongoDB, with few projects', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  async function seed(count: number): Promise<string[]> {
    const ids = await world.addProjects(Array.from({ length: count }, (_, number) => `name ${number}`));
    await world.addRecords(ids, 'live');
    await world.addAssets(
      'analyses',
      ids.flatMap((projectId) => [{ projectId }, { projectId }]),
    );
    return ids;
  }
  const remove = (ids: readonly string[]) =>
    world.source.projects.deleteMany({ _id: { $in: ids.map((id) => new ObjectId(id)) } });

  it('another database at the very first run', async () => {
    await seed(15);
    const config = defineConfig({ ...worldConfig, source: { ...worldConfig.source, database: 'staging' } });
    const source = await connectSource(world.mongo.uri, config);
    try {
      await source.projects.insertMany(Array.from({ length: 15 }, () => ({ _id: new ObjectId(), name: 'staging' })));
      const truth = createProjectTruth(source, config);
      const outcome = await world.run({ mode: 'clean' }, { source, truth, config });
      assert.equal(outcome.kind, 'braked');
      assert.equal(outcome.brake.kind, 'too-many-orphans');
      assert.match(outcome.brake.saw, /15 of 15 projects .* up to 3 are allowed/);
      assert.equal(await world.countOf('analyses'), 30);
    } finally {
      await source.close();
    }
  });

  it('half of the projects missing', async () => {
    const ids = await seed(18);
    assert.equal((await world.run({ mode: 'report' })).kind, 'done');
    await remove(ids.slice(0, 9));
    const shrunk = await world.run({ mode: 'clean' });
    assert.equal(shrunk.kind, 'braked');
    assert.equal(shrunk.brake.kind, 'projects-shrunk');
    const orphans = await world.run({ mode: 'clean', allow: { shrink: true } });
    assert.equal(orphans.kind, 'braked');
    assert.equal(orphans.brake.kind, 'too-many-orphans');
    assert.equal(await world.countOf('analyses'), 36);
  });

  it('a single project that is gone is allowed, and so is what was named', async () => {
    const ids = await seed(6);
    await remove(ids.slice(0, 1));
    assert.equal((await world.run({ mode: 'clean' })).kind, 'done');
    assert.equal(await world.countOf('analyses'), 10);
    // What reconciliation deletes counts as well.
    world.advance(defaultReconcileLimits.brakes.deletions.windowMs + 1);
    await remove(ids.slice(1, 5));
    const projectIds = ids.slice(1, 3);
    const allow = { shrink: true };
    assert.equal((await world.run({ mode: 'clean', allow })).kind, 'braked');
    assert.equal((await world.run({ mode: 'clean', allow, projectIds })).kind, 'done');
    assert.equal(await world.countOf('analyses'), 6);
  });
});

/** Records of projects that were deleted, each with something of its own. */
async function addDeleted(
  { firestore }: World,
  ids: readonly string[],
  own: (projectId: string, version: Version) => Partial<ProjectRecord>,
): Promise<void> {
  const version = versionOf({ seconds: 1_700_000_000, increment: 1 }, 0);
  const batch = firestore.batch();
  for (const projectId of ids) {
    const record: ProjectRecord = {
      ...emptyProjectRecord(projectId),
      desired: { kind: 'deleted', version, deletedVersion: version, fields: {} },
      revision: 1,
      appliedRevision: 1,
      ...own(projectId, version),
    };
    batch.set(projectRecordRef(firestore, projectId), projectRecordData(record));
  }
  await batch.commit();
}

// Attacks I8: of a scan that takes longer than the window of mass deletions, orphans from its beginning are not among
// the deletions of the window at its end.
describe('brakes at the end of a long scan', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  const { windowMs } = defaultReconcileLimits.brakes.deletions;
  const idsOf = (count: number) => Array.from({ length: count }, () => new ObjectId().toHexString());

  // Of 58 projects, 14 may be deleted.
  for (const [took, count, kind] of [
    [0, 5, 'done'],
    [windowMs / 2, 10, 'braked'],
  ] as const) {
    it(`8 orphans and ${count} other deletions, after ${took / 60_000} minutes: ${kind}`, async () => {
      const live = await world.addProjects(Array.from({ length: 50 }, () => 'lives'));
      const [gone, others] = [idsOf(8), idsOf(count)];
      await world.addAssets(
        'analyses',
        [...live, ...gone].map((projectId) => ({ projectId })),
      );
      const begins = world.dependencies().clock.now();
      await addDeleted(world, gone, () => ({ deletedAt: begins - windowMs / 2 - 1 }));
      await addDeleted(world, others, () => ({ deletedAt: begins + took - 1 }));
      let isFirst = true;
      const onProgress = () => {
        if (isFirst) world.advance(took);
        isFirst = false;
      };
      const outcome = await world.run({ mode: 'clean' }, {}, { onProgress });
      assert.equal(outcome.kind, kind);
    });
  }
});

// Attacks I8: what is no evidence for MongoDB must not count for it.
describe('brakes beside projects whose deletion is held or was discarded', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  const ofNobody = (count: number) => Array.from({ length: count }, () => new ObjectId().toHexString());
  const assetsFor = (ids: readonly string[]) =>
    world.addAssets(
      'analyses',
      [...ids].map((projectId) => ({ projectId })),
    );

  async function seed(state: 'held' | 'discarded', keptCount: number, orphanCount: number) {
    const live = await world.addProjects(Array.from({ length: 60 }, () => 'lives'));
    const kept = ofNobody(keptCount);
    const orphans = ofNobody(orphanCount);
    await world.addRecords(orphans, 'live');
    await assetsFor([...live, ...kept, ...orphans]);
    await addDeleted(world, kept, (projectId, version) => ({
      appliedRevision: state === 'held' ? 0 : 1,
      hold: { state, since: 1_700_000_000_000, eventId: eventId(projectId, version), version },
    }));
    return orphans;
  }

  it('repairs the orphans beside them, and leaves their assets', async () => {
    const orphans = await seed('discarded', 40, 3);
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings.held, 40);
    assert.equal(await world.countOf('analyses'), 100);
    const left = await world.firestore.collection('analyses').where('projectId', 'in', orphans).count().get();
    assert.equal(left.data().count, 0);
  });

  it('allows no more orphans because of them', async () => {
    await seed('held', 160, 21);
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'braked');
    assert.equal(outcome.brake.kind, 'too-many-orphans');
    assert.match(outcome.brake.saw, /^21 of 81 projects/);
    assert.equal(await world.countOf('analyses'), 241);
  });
});
