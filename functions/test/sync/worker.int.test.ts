// The work on events against a real client and a local Firestore. Attacks I1-I6; each test names which.
import assert from 'node:assert/strict';
import { FieldPath, type Firestore } from 'firebase-admin/firestore';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import { encodeEvent } from '../../src/events/codec.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { syncJobRef } from '../../src/records/syncJob.ts';
import { SourceError } from '../../src/source/connect.ts';
import type { ProjectTruth } from '../../src/source/truth.ts';
import { AttemptFailedError, LeaseLostError, ProjectBusyError } from '../../src/sync/errors.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { until } from '../support/until.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('syncProject', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  async function seedMedia(projectId: string, count: number, data: Record<string, unknown> = {}): Promise<void> {
    await seed(fixture.firestore, 'media', projectId, count, data);
  }

  it('renames the copies of one project, spares those that agree already, and touches nothing else', async () => {
    await seedMedia('p1', 3, { projectName: 'old', meta: { status: 'new', keep: 1 }, body: 'x' });
    await fixture.firestore
      .doc('media/agrees')
      .set({ projectId: 'p1', projectName: 'Ünï "q" 🎬', meta: { status: 'new' } });
    await seedMedia('p2', 1, { projectName: 'other' });
    const agrees = (await fixture.firestore.doc('media/agrees').get()).updateTime?.toMillis();

    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'Ünï "q" 🎬', status: 'new' }));

    const media = await fixture.documents('media');
    assert.deepEqual(media.get('media/p1-00000'), {
      projectId: 'p1',
      projectName: 'Ünï "q" 🎬',
      meta: { status: 'new', keep: 1 },
      body: 'x',
    });
    assert.equal(media.get('media/p2-00000')?.projectName, 'other');
    assert.equal((await fixture.firestore.doc('media/agrees').get()).updateTime?.toMillis(), agrees);
    const record = await fixture.record('p1');
    assert.equal(record.appliedRevision, record.revision);
    assert.equal(record.lease, null);
  });

  it('deletes the assets of every collection, with what lies below, and by collection group', async () => {
    await fixture.firestore.doc('storyboards/b1').set({ projectId: 'p1' });
    await fixture.firestore.doc('storyboards/b1/panels/1').set({ image: 'u' });
    await fixture.firestore.doc('storyboards/b1/panels/1/notes/n').set({ text: 'deep' });
    // A document below a missing one, and the neighbour whose id is the smallest that follows.
    await fixture.firestore.doc('storyboards/b1/ghost/x/leaf/y').set({ text: 'below a missing document' });
    await fixture.firestore.doc('storyboards/b1a/panels/1').set({ image: 'not ours' });
    await fixture.firestore.doc('storyboards/b1a').set({ projectId: 'p2' });
    await fixture.firestore.doc('films/f/scenes/s1').set({ meta: { projectId: 'p1' } });
    await fixture.firestore.doc('scenes/s2').set({ meta: { projectId: 'p1' } });
    await fixture.firestore.doc('scenes/s3').set({ meta: { projectId: 'p2' } });
    await seedMedia('p1', 2);
    await seed(fixture.firestore, 'analyses', 'p1', 2, {});

    await fixture.deliver(event('ProjectDeleted', 'p1'));

    const left = await allPaths(fixture.firestore);
    assert.deepEqual(left, ['scenes/s3', 'storyboards/b1a', 'storyboards/b1a/panels/1']);
    const record = await fixture.record('p1');
    assert.equal(record.desired.kind, 'deleted');
    assert.ok(record.expireAt !== null && record.expireAt > fixture.clock.now());
  });

  it('deletes an asset with more below it than one transaction takes, subcollections first', async () => {
    await fixture.firestore.doc('storyboards/big').set({ projectId: 'p1' });
    await fixture.firestore.doc('storyboards/small').set({ projectId: 'p1' });
    await bulk(
      fixture.firestore,
      Array.from({ length: 950 }, (_, index) => [`storyboards/big/panels/${index}`, { n: index }]),
    );
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    assert.deepEqual(await allPaths(fixture.firestore), []);
  });

  it('pages through more assets than one transaction takes; reads hardly more than one per asset (I6)', async () => {
    const count = 5_000;
    await seedMedia('p1', count, { projectName: 'old' });
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    const after = fixture.server.meter.snapshot();
    assert.equal((await fixture.documents('media')).size, 0);
    assert.equal(after.deletes - before.deletes, count);
    assert.ok(after.reads - before.reads <= count * 1.03, `${after.reads - before.reads} reads`);
    const job = await syncJobRef(fixture.firestore, (await firstJobId(fixture)) ?? '').get();
    assert.equal(job.get('processed'), count);
    assert.equal(job.get('status'), 'done');
  });

  it('comes to the same end in any order and number of deliveries (I2, I3)', async () => {
    const history = [
      event('ProjectCreated', 'p1', { name: 'a', status: 's1' }),
      event('ProjectUpdated', 'p1', { name: 'b' }),
      event('ProjectUpdated', 'p1', { status: 's2' }),
      event('ProjectUpdated', 'p1', { name: 'c' }),
    ];
    for (const order of [
      [3, 0, 1, 2],
      [2, 3, 3, 1, 0],
      [0, 3, 2, 1, 0, 3],
    ]) {
      await seedMedia('p1', 2, { projectName: 'x', meta: { status: 'x' } });
      await projectRecordRef(fixture.firestore, 'p1').delete();
      for (const index of order) {
        const next = history[index];
        if (next) await fixture.deliver(next);
      }
      const media = await fixture.documents('media');
      assert.deepEqual(
        media.get('media/p1-00001'),
        { projectId: 'p1', projectName: 'c', meta: { status: 's2' } },
        String(order),
      );
    }
  });

  it('does not let a late rename bring a deleted asset back, nor an old deletion take a revived project (I3, I4)', async () => {
    const created = event('ProjectCreated', 'p1', { name: 'a' });
    const renamed = event('ProjectUpdated', 'p1', { name: 'b' });
    const deleted = event('ProjectDeleted', 'p1');
    const again = event('ProjectCreated', 'p1', { name: 'z' });
    await seedMedia('p1', 1);
    await fixture.deliver(created);
    await fixture.deliver(deleted);
    await fixture.deliver(renamed);
    assert.deepEqual([...(await fixture.documents('media')).keys()], []);
    await fixture.deliver(again);
    await seedMedia('p1', 1, { projectName: 'stale' });
    await fixture.deliver(deleted);
    await fixture.deliver(renamed);
    assert.deepEqual([...(await fixture.documents('media')).keys()], ['media/p1-00000']);
  });

  it('does nothing for a duplicate: one read and no write', async () => {
    const created = event('ProjectCreated', 'p1', { name: 'a' });
    await seedMedia('p1', 3);
    await fixture.deliver(created);
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(created);
    const after = fixture.server.meter.snapshot();
    assert.deepEqual([after.reads - before.reads, after.writes - before.writes], [1, 0]);
  });

  it('deletes nothing of a project that lives in MongoDB, whoever said that it was deleted (I5)', async () => {
    await seedMedia('p1', 2, { projectName: 'old' });
    fixture.alive.set('p1', { name: 'alive', status: 'ok' });
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    const media = await fixture.documents('media');
    assert.equal(media.size, 2);
    assert.equal(media.get('media/p1-00000')?.projectName, 'alive');
    assert.equal((await fixture.record('p1')).desired.kind, 'live');
  });

  it('leaves an asset alone that moved to another project while the deletion ran (I5)', async () => {
    await seedMedia('p1', 2);
    const truth = fixture.dependencies.truth;
    const worker = fixture.worker2({
      truth: {
        async ask(projectIds) {
          // Between the decision to delete and the page that would: a client moves one asset.
          await fixture.firestore.doc('media/p1-00001').update({ projectId: 'p2' });
          return truth.ask(projectIds);
        },
      },
    });
    await worker.apply(event('ProjectDeleted', 'p1'), budget(fixture));
    assert.deepEqual([...(await fixture.documents('media')).keys()], ['media/p1-00001']);
  });

  it('writes nothing once another worker has taken the lease (I5)', async () => {
    await seedMedia('p1', 3);
    const deletion = event('ProjectDeleted', 'p1');
    const { truth } = fixture.dependencies;
    const stalled = fixture.worker2({
      truth: {
        async ask(projectIds) {
          // The worker stalls past its lease; the redelivery takes over, finishes, and the project is created anew with
          // an asset.
          fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
          await fixture.deliver(deletion);
          await fixture.deliver(event('ProjectCreated', 'p1', { name: 'second life' }));
          await seedMedia('p1', 1, { projectName: 'second life' });
          return truth.ask(projectIds);
        },
      },
    });
    // What it stands for has been applied by others.
    assert.deepEqual(await stalled.apply(deletion, budget(fixture)), { kind: 'applied', processed: 0 });
    assert.deepEqual([...(await fixture.documents('media')).keys()], ['media/p1-00000']);
  });

  it('turns to newer knowledge at the next page (I3)', async () => {
    const older = event('ProjectUpdated', 'p1', { name: 'older' });
    await seedMedia('p1', assetsPerPage * 2 + 100, { projectName: 'old' });
    let pages = 0;
    const throttle = oneAtATime(() => {
      pages += 1;
      if (pages === 1) interruption ??= assert.rejects(fixture.deliver(newest), ProjectBusyError);
    });
    const newest = event('ProjectUpdated', 'p1', { name: 'newest' });
    let interruption: Promise<void> | undefined;
    const worker = fixture.worker2({ throttle });
    const outcome = await worker.apply(older, budget(fixture));
    await interruption;
    assert.equal(outcome.kind, 'applied');
    const names = new Set([...(await fixture.documents('media')).values()].map((data) => data.projectName));
    assert.deepEqual([...names], ['newest']);
    const record = await fixture.record('p1');
    assert.equal(record.appliedRevision, record.revision);
  });

  it('refuses a redelivery of the event that is being worked on, and takes over when the lease has run out (I1)', async () => {
    await seedMedia('p1', 1);
    const deletion = event('ProjectDeleted', 'p1');
    const dead = fixture.worker2({ truth: { ask: () => new Promise(() => {}) } });
    void dead.apply(deletion, budget(fixture));
    await until(async () => (await fixture.record('p1')).lease !== null);
    await assert.rejects(fixture.deliver(deletion), ProjectBusyError);
    assert.equal((await fixture.documents('media')).size, 1);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await fixture.deliver(deletion);
    assert.equal((await fixture.documents('media')).size, 0);
  });

  it('refuses another event of a project under work, whose worker carries it out before its redelivery (I1, I9)', async () => {
    await seedMedia('p1', 1, { projectName: 'old' });
    const { truth } = fixture.dependencies;
    const deletion = event('ProjectDeleted', 'p1');
    const created = event('ProjectCreated', 'p1', { name: 'again' });
    let isFirst = true;
    const worker = fixture.worker2({
      truth: {
        async ask(projectIds) {
          if (isFirst) await assert.rejects(fixture.deliver(created), ProjectBusyError);
          isFirst = false;
          return truth.ask(projectIds);
        },
      },
    });
    await worker.apply(deletion, budget(fixture));
    const media = await fixture.documents('media');
    assert.equal(media.get('media/p1-00000')?.projectName, 'again');
    assert.deepEqual(await fixture.worker.apply(created, budget(fixture)), { kind: 'duplicate' });
  });

  it('asks MongoDB for what a false deletion took from a project that shows signs of life (I1, I10)', async () => {
    await seedMedia('p1', 1, { projectName: null });
    fixture.alive.set('p1', { name: 'true', status: 'draft' });
    const created = event('ProjectCreated', 'p1', { name: 'true', status: 'final' });
    const invented = event('ProjectDeleted', 'p1');
    const updated = event('ProjectUpdated', 'p1', { status: 'draft' });
    // It dies with the false deletion in the record.
    const dead = fixture.worker2({ truth: { ask: () => new Promise(() => undefined) } });
    void dead.apply(invented, budget(fixture));
    await until(async () => (await fixture.record('p1')).lease !== null);
    await assert.rejects(fixture.deliver(updated), ProjectBusyError);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    for (const each of [created, updated, invented]) await fixture.deliver(each);
    const medium = (await fixture.documents('media')).get('media/p1-00000');
    assert.deepEqual([medium?.projectName, medium?.meta], ['true', { status: 'draft' }]);
  });

  it('asks it also where the false deletion comes last of all, or before the creation that is older (I1, I10)', async () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    for (const isKnown of [true, false]) {
      for (const [at, order] of orders.entries()) {
        const id = `p${at}-${isKnown}`;
        await seedMedia(id, 1, { projectName: null });
        fixture.alive.set(id, { name: 'dusk', status: 'final' });
        const before = event('ProjectCreated', id, { name: 'dawn', status: 'draft' });
        const created = event('ProjectCreated', id, { name: 'dawn', status: 'final' });
        const invented = event('ProjectDeleted', id);
        const updated = event('ProjectUpdated', id, { name: 'dusk' });
        if (isKnown) await fixture.deliver(before);
        const all = [created, invented, updated];
        for (const index of order) {
          const each = all[index];
          if (each) await fixture.deliver(each);
        }
        const medium = (await fixture.documents('media')).get(`media/${id}-00000`);
        assert.deepEqual([id, medium?.projectName, medium?.meta], [id, 'dusk', { status: 'final' }]);
      }
    }
  });

  it('asks it also where it died over a late false deletion, and whichever redelivery comes first (I1, I9, I10)', async () => {
    for (const isOtherFirst of [false, true]) {
      const id = `p${isOtherFirst}`;
      await seedMedia(id, 1, { projectName: 'dusk' });
      fixture.alive.set(id, { name: 'dusk', status: 'final' });
      const created = event('ProjectCreated', id, { name: 'dawn', status: 'draft' });
      const invented = event('ProjectDeleted', id);
      const updated = event('ProjectUpdated', id, { name: 'dusk' });
      for (const each of [created, updated]) await fixture.deliver(each);
      const dead = fixture.worker2({ truth: { ask: () => new Promise(() => undefined) } });
      void dead.apply(invented, budget(fixture));
      await until(async () => (await fixture.record(id)).lease !== null);
      // While the lease is stale, no delivery is taken for done.
      for (const each of [invented, updated]) await assert.rejects(fixture.deliver(each), ProjectBusyError);
      fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
      const redelivered = isOtherFirst ? [updated, invented, invented] : [invented, invented, updated];
      for (const each of redelivered) await fixture.deliver(each);
      const medium = (await fixture.documents('media')).get(`media/${id}-00000`);
      assert.deepEqual([medium?.projectName, medium?.meta], ['dusk', { status: 'final' }]);
      const { revision, appliedRevision, lease } = await fixture.record(id);
      assert.deepEqual([appliedRevision, lease], [revision, null]);
    }
  });

  it('keeps its progress when the budget is spent, and a continuation finishes the work (I6)', async () => {
    const count = assetsPerPage * 4;
    await seedMedia('p1', count, { projectName: 'old' });
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    const signal = new AbortController().signal;
    let invocations = 0;
    // Every page costs a second of this clock, and the budget is three: a claim, and pages; the first of a
    // continuation does not know how large the copies are.
    const worker = fixture.worker2({
      throttle: oneAtATime(() => fixture.clock.advance(1_000)),
    });
    for (;;) {
      invocations += 1;
      const outcome = await worker.apply(rename, { deadline: fixture.clock.now() + 3_000, signal });
      if (outcome.kind !== 'continued') break;
      assert.equal((await fixture.record('p1')).lease, null);
      assert.equal(fixture.events.messages.length, invocations);
      assert.equal(fixture.events.messages.at(-1)?.attributes.continuation, 'true');
      assert.ok(invocations < 10);
    }
    assert.ok(invocations >= 3, `${invocations} invocations`);
    const names = [...(await fixture.documents('media')).values()].map((data) => data.projectName);
    assert.equal(names.filter((name) => name === 'new').length, count);
    const job = await syncJobRef(fixture.firestore, rename.id).get();
    assert.equal(job.get('processed'), count);
    assert.equal(job.get('total'), count);
  });

  it('shows work that takes more than one page while it runs, with percent, and never after its end', async () => {
    const count = assetsPerPage * 3;
    await seedMedia('p1', count, { projectName: 'old' });
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    const job = () => syncJobRef(fixture.firestore, rename.id).get();
    const seen: unknown[] = [];
    let entered = 0;
    const { throttle } = fixture.dependencies;
    const worker = fixture.worker2({
      throttle: {
        ...throttle,
        async enter() {
          await throttle.enter();
          entered += 1;
          // The page after the first two waits until the job is seen; the first was part of the claim.
          if (entered > 2 && seen.length === 0) {
            await until(async () => (await job()).exists);
            const running = await job();
            seen.push(running.get('status'), running.get('total'), running.get('percent'), running.get('finishedAt'));
          }
        },
      },
    });
    assert.equal((await worker.apply(rename, budget(fixture))).kind, 'applied');
    const [status, total, percent, finishedAt] = seen;
    assert.deepEqual([status, total, finishedAt], ['running', count, null]);
    assert.ok(typeof percent === 'number' && percent > 0 && percent < 100, String(percent));
    const done = await job();
    assert.deepEqual([done.get('status'), done.get('percent'), done.get('processed')], ['done', 100, count]);
  });

  it('shows work that waits for MongoDB within seconds', async () => {
    await seedMedia('p1', 1);
    const deletion = event('ProjectDeleted', 'p1');
    const dead = fixture.worker2({ truth: { ask: () => new Promise(() => {}) } });
    void dead.apply(deletion, budget(fixture));
    const job = () => syncJobRef(fixture.firestore, deletion.id).get();
    await until(async () => (await job()).get('status') === 'running');
    assert.equal((await job()).get('type'), 'delete');
  });

  it('rides out a Firestore that cannot count when the budget is spent, and keeps its progress if it never can (I6)', async () => {
    await seedMedia('p1', assetsPerPage * 5, { projectName: 'old' });
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    const worker = fixture.worker2({
      throttle: oneAtATime(() => fixture.clock.advance(1_000)),
    });
    const short = () => ({ deadline: fixture.clock.now() + 1_500, signal: new AbortController().signal });
    const { faults } = fixture.server;
    // Of two collections; the display of the job does without the first counts.
    faults.inject('RunAggregationQuery', { error: { code: 'PERMISSION_DENIED' } }, 4);
    await assert.rejects(worker.apply(rename, short()), AttemptFailedError);
    const kept = (await fixture.record('p1')).progress?.processed ?? 0;
    assert.ok(kept > 0, 'nothing kept');
    faults.inject('RunAggregationQuery', { error: { code: 'UNAVAILABLE' } }, 2);
    assert.equal((await worker.apply(rename, short())).kind, 'continued');
    assert.equal(faults.pending(), 0);
    assert.equal((await fixture.record('p1')).progress?.total, assetsPerPage * 5);
  });

  it('leaves the record to its new owner when it loses the lease before it can keep its progress (I5)', async () => {
    await seedMedia('p1', assetsPerPage * 2, { projectName: 'old' });
    const record = projectRecordRef(fixture.firestore, 'p1');
    let takenOver: Promise<unknown> = Promise.resolve();
    const worker = fixture.worker2({
      limits: { ...fixture.dependencies.limits, countAfterMs: 0 },
      throttle: oneAtATime(() => {
        fixture.clock.advance(10_000);
        takenOver = record.update({ 'lease.holder': 'another' });
      }),
    });
    const short = { deadline: fixture.clock.now() + 2_000, signal: new AbortController().signal };
    await assert.rejects(worker.apply(event('ProjectUpdated', 'p1', { name: 'new' }), short), LeaseLostError);
    await takenOver;
    const { lease, progress } = await fixture.record('p1');
    assert.deepEqual([lease?.holder, progress, fixture.events.messages.length], ['another', null, 0]);
  });

  it('goes on where it stopped when the continuation could not be published (I1)', async () => {
    await seedMedia('p1', assetsPerPage * 2 + 100, { projectName: 'old' });
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
    const worker = fixture.worker2({
      throttle: oneAtATime(() => fixture.clock.advance(1_000)),
    });
    const short = () => ({ deadline: fixture.clock.now() + 1_500, signal: new AbortController().signal });
    await assert.rejects(worker.apply(rename, short()), /Pub\/Sub is unavailable/);
    assert.ok(((await fixture.record('p1')).progress?.processed ?? 0) > 0, 'nothing kept');
    await fixture.deliver(rename);
    const names = new Set([...(await fixture.documents('media')).values()].map((data) => data.projectName));
    assert.deepEqual([...names], ['new']);
  });

  it('rides out transient errors inside the budget, and asks for less at once (I7)', async () => {
    await seedMedia('p1', 1_500, { projectName: 'old' });
    const { faults } = fixture.server;
    faults.inject('Commit', { error: { code: 'ABORTED' } }, 2);
    faults.inject('Commit', { error: { code: 'UNAVAILABLE' }, afterEffect: true }, 2);
    faults.inject('RunQuery', { error: { code: 'RESOURCE_EXHAUSTED' } }, 3);
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    assert.equal((await fixture.documents('media')).size, 0);
    assert.equal(faults.pending(), 0);
  });

  it('counts no failure where Firestore did not take the claim in: it is redelivered for as long as that lasts (I1, I7)', async () => {
    await seedMedia('p1', 1, { projectName: 'old' });
    const { faults } = fixture.server;
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    const over = { deadline: fixture.clock.now(), signal: new AbortController().signal };
    const dependencies = { ...fixture.dependencies, worker: fixture.worker, converged: null };
    for (let attempt = 1; attempt <= fixture.dependencies.limits.maxAttempts + 1; attempt += 1) {
      faults.inject('Commit', { error: { code: 'ABORTED' } });
      await assert.rejects(handleMessage(dependencies, encodeEvent(rename), over), /ABORTED/);
    }
    assert.equal(faults.pending(), 0);
    assert.equal((await fixture.documents('syncFailures')).size, 0);
    await fixture.deliver(rename);
    assert.equal((await fixture.documents('media')).get('media/p1-00000')?.projectName, 'new');
  });

  it('rides out an election in the final check of MongoDB: it costs no attempt, and what needs a person is not repeated (I7)', async () => {
    await seedMedia('p1', 1);
    const { truth, limits } = fixture.dependencies;
    const errors: Error[] = [
      new MongoServerError({ message: 'not primary', code: 10107 }),
      new MongoServerError({ message: 'interrupted by a change of state', code: 11602 }),
      new MongoNetworkError('connection closed'),
      new SourceError('cannot be reached', { cause: new MongoNetworkError('connection refused') }),
    ];
    let asked = 0;
    const ask: ProjectTruth['ask'] = async (projectIds) => {
      asked += 1;
      const error = errors.shift();
      if (error !== undefined) throw error;
      return truth.ask(projectIds);
    };
    const worker = fixture.worker2({ truth: { ask }, limits: { ...limits, maxAttempts: 1 } });
    const denied = new MongoServerError({ message: 'not authorized', code: 13 });
    assert.equal((await worker.apply(event('ProjectDeleted', 'p1'), budget(fixture))).kind, 'applied');
    assert.equal((await fixture.documents('media')).size, 0);
    // Five times before it is decided, and once after the assets were read.
    assert.equal(asked, 6);
    asked = 0;
    errors.push(denied);
    await assert.rejects(worker.apply(event('ProjectDeleted', 'p2'), budget(fixture)), { cause: denied });
    assert.equal(asked, 1);
  });

  it('dead-letters an event after so many failed attempts, with its last error; a later one is served (I1, I7)', async () => {
    await seedMedia('p1', 1, { projectName: 'old' });
    const poison = event('ProjectDeleted', 'p1');
    const { maxAttempts } = fixture.dependencies.limits;
    const worker = fixture.worker2({ truth: { ask: () => Promise.reject(new Error('MongoDB is unavailable')) } });
    const dependencies = { ...fixture.dependencies, worker, deadLetters: fixture.deadLetters, converged: null };
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const delivery = handleMessage(dependencies, encodeEvent(poison), budget(fixture));
      await (attempt < maxAttempts ? assert.rejects(delivery, AttemptFailedError) : delivery);
    }
    const [letter] = fixture.deadLetters.messages;
    assert.equal(letter?.attributes.reason, 'attempts');
    assert.equal(letter?.attributes.attempts, String(maxAttempts));
    assert.match(letter?.attributes.error ?? '', /MongoDB is unavailable/);
    assert.equal((await fixture.documents('media')).size, 1);
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'later' }));
    assert.equal((await fixture.documents('media')).get('media/p1-00000')?.projectName, 'later');
  });

  it('begins to count anew when a dead letter is redriven', async () => {
    await seedMedia('p1', 1);
    const deletion = event('ProjectDeleted', 'p1');
    const fails = fixture.worker2({ truth: { ask: () => Promise.reject(new Error('MongoDB is unavailable')) } });
    for (let attempt = 1; attempt <= fixture.dependencies.limits.maxAttempts; attempt += 1) {
      await assert.rejects(fails.apply(deletion, budget(fixture)), AttemptFailedError);
    }
    await fixture.deliver(deletion);
    assert.equal((await fixture.documents('media')).size, 0);
    assert.deepEqual((await fixture.record('p1')).attempts, {});
  });

  it('begins to count anew also when the last failure could not be put on record', async () => {
    await seedMedia('p1', 1);
    const deletion = event('ProjectDeleted', 'p1');
    const worker = fixture.worker2({ truth: { ask: () => Promise.reject(new Error('MongoDB is unavailable')) } });
    const fails = () =>
      handleMessage({ ...fixture.dependencies, worker, converged: null }, encodeEvent(deletion), budget(fixture));
    const { maxAttempts, leaseMs } = fixture.dependencies.limits;
    for (let attempt = 1; attempt < maxAttempts; attempt += 1) await assert.rejects(fails(), AttemptFailedError);
    const { faults } = fixture.server;
    faults.inject('Commit', {});
    faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } });
    await assert.rejects(fails(), /MongoDB is unavailable/);
    assert.equal(faults.pending(), 0);
    fixture.clock.advance(leaseMs + 1);
    await fails();
    assert.equal(fixture.deadLetters.messages.length, 1);
    assert.deepEqual((await fixture.record('p1')).attempts, {});
    await fixture.deliver(deletion);
    assert.equal(fixture.deadLetters.messages.length, 1);
    assert.equal((await fixture.documents('media')).size, 0);
  });

  it('is no dead letter when its last attempt fails after another worker has taken over, and brought it', async () => {
    await seedMedia('p1', 1);
    const deletion = event('ProjectDeleted', 'p1');
    let isLast = false;
    const worker = fixture.worker2({
      truth: {
        async ask() {
          if (isLast) {
            fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
            await fixture.deliver(event('ProjectDeleted', 'p1'));
          }
          throw new Error('MongoDB is unavailable');
        },
      },
    });
    const fails = () =>
      handleMessage({ ...fixture.dependencies, worker, converged: null }, encodeEvent(deletion), budget(fixture));
    const { maxAttempts } = fixture.dependencies.limits;
    for (let attempt = 1; attempt < maxAttempts; attempt += 1) await assert.rejects(fails(), AttemptFailedError);
    isLast = true;
    await assert.rejects(fails(), /MongoDB is unavailable/);
    assert.deepEqual(fixture.deadLetters.messages, []);
  });

  it('counts workers that died silently, and dead-letters the event in the end (I1)', async () => {
    await seedMedia('p1', 1);
    const deletion = event('ProjectDeleted', 'p1');
    const dead = fixture.worker2({ truth: { ask: () => new Promise(() => {}) } });
    for (let attempt = 1; attempt <= fixture.dependencies.limits.maxAttempts; attempt += 1) {
      void dead.apply(deletion, budget(fixture));
      await until(async () => (await fixture.record('p1')).attempts[deletion.id]?.count === attempt);
      fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    }
    await fixture.deliver(deletion);
    assert.match(fixture.deadLetters.messages[0]?.attributes.error ?? '', /left no error on record/);
  });

  it('stops work on a project whose record cannot be read, and on no other (I7)', async () => {
    await projectRecordRef(fixture.firestore, 'p1').set({ schemaVersion: 99 });
    await seedMedia('p2', 1, { projectName: 'old' });
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'x' }));
    await fixture.deliver(event('ProjectUpdated', 'p2', { name: 'x' }));
    assert.equal(fixture.deadLetters.messages[0]?.attributes.reason, 'project-record');
    assert.ok(fixture.log.lines.some((line) => line.fields.alarm === 'project-record-unreadable'));
    assert.equal((await fixture.documents('media')).get('media/p2-00000')?.projectName, 'x');
  });

  it('dead-letters messages at first sight that no retry can repair (I7)', async () => {
    const good = event('ProjectUpdated', 'p1', { name: 'x' });
    const future = event('ProjectDeleted', 'p1', {}, 0xfff_ffff0);
    for (const data of [
      'not json',
      '{}',
      JSON.stringify({ ...good, type: 'Nonsense' }),
      JSON.stringify({ ...good, specversion: 9 }),
    ]) {
      await fixture.deliverMessage({ data: Buffer.from(data), attributes: {} });
    }
    await fixture.deliver(future);
    const reasons = fixture.deadLetters.messages.map((message) => message.attributes.reason);
    assert.deepEqual(reasons, ['unreadable', 'unreadable', 'unreadable', 'unreadable', 'future-version']);
    assert.equal(fixture.deadLetters.messages[0]?.data.toString(), 'not json');
  });

  it('scans the assets again when it is asked to, sparing young ones', async () => {
    const deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    await seedMedia('p1', 2);
    const second = event('ProjectDeleted', 'p1');
    const options = { ...budget(fixture), force: true } as const;
    const spared = await fixture.worker.apply(second, { ...options, createdBefore: fixture.clock.now() - 3_600_000 });
    assert.deepEqual(spared, { kind: 'applied', processed: 0 });
    assert.deepEqual(await fixture.worker.apply(second, options), { kind: 'applied', processed: 2 });
  });
});

function budget(fixture: SyncFixture) {
  return { deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal };
}

async function seed(
  firestore: Firestore,
  collection: string,
  projectId: string,
  count: number,
  data: Record<string, unknown>,
) {
  await bulk(
    firestore,
    Array.from({ length: count }, (_, index) => [
      `${collection}/${projectId}-${String(index).padStart(5, '0')}`,
      { projectId, ...data },
    ]),
  );
}

async function bulk(firestore: Firestore, documents: (readonly [string, Record<string, unknown>])[]): Promise<void> {
  const batchSize = 500;
  for (let start = 0; start < documents.length; start += batchSize) {
    const batch = firestore.batch();
    for (const [path, data] of documents.slice(start, start + batchSize)) batch.set(firestore.doc(path), data);
    await batch.commit();
  }
}

/** Every document that is no record of Lockstep. */
async function allPaths(firestore: Firestore): Promise<string[]> {
  const all = await firestore.collectionGroup('').orderBy(FieldPath.documentId()).get();
  return all.docs.map((document) => document.ref.path).filter((path) => !path.startsWith('sync'));
}

async function firstJobId(fixture: SyncFixture): Promise<string | undefined> {
  const jobs = await fixture.firestore.collection('syncJobs').limit(1).get();
  return jobs.docs[0]?.get('eventId');
}
