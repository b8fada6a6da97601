import assert from 'node:assert/strict';
import { MongoNetworkError, ObjectId } from 'mongodb';
import { defineConfig, recordCollections } from '../../src/config/defineConfig.ts';
import {
  decodeReconciliationRequest,
  type ReconcileRequest,
  ReconcileRequestError,
} from '../../src/events/reconciliationRequest.ts';
import { parseJob, stateDocument } from '../../src/reconcile/jobRecord.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { renderReport } from '../../src/reconcile/report.ts';
import { openCancellation, requestedJob } from '../../src/reconcile/requestedJob.ts';
import type { Applier, ReconcileDependencies } from '../../src/reconcile/runRecord.ts';
import { reportViewOf } from '../../src/reports/reportView.ts';
import type { ProjectDocument } from '../../src/source/connect.ts';
import { startWorld, type World, worldConfig } from './world.ts';

// Attacks: a run that was asked for is done once, as it was asked for, and can be stopped.
describe('a reconciliation that was asked for', () => {
  let world: World;
  const orphans = 40;

  beforeEach(async () => {
    world = await startWorld();
    const ids = await world.addProjects(Array.from({ length: 20 }, () => 'name'));
    const gone = Array.from({ length: orphans }, () => new ObjectId().toHexString());
    await world.addRecords([...ids, ...gone], 'live');
    await world.addAssets(
      'analyses',
      [...ids, ...gone].map((projectId) => ({ projectId })),
    );
  });
  afterEach(() => world.close());

  /** Creates the job, and returns the request as its message says it. */
  async function ask(request: Omit<ReconcileRequest, 'reason'>): Promise<ReconcileRequest & { jobId: string }> {
    const asked = requestedJob(world.dependencies(), { reason: 'tidy up', actor: 'ann@example.com', ...request });
    await world.firestore.runTransaction(async (transaction) => asked.create(transaction));
    const decoded = decodeReconciliationRequest(asked.message.data, () => 'report');
    assert.ok(decoded.ok);
    return { ...decoded.request, jobId: asked.jobId };
  }

  const jobRef = (id: string) => world.firestore.collection(recordCollections.jobs).doc(id);
  const jobOf = async (id: string) => parseJob(id, (await jobRef(id).get()).data());
  const cancel = (jobId: string) =>
    world.firestore.runTransaction(async (transaction) => {
      const { cancellation, write } = await openCancellation(world.dependencies(), transaction, jobId);
      write();
      return cancellation;
    });

  it('takes off the brakes that its job says, and none that a message says', async () => {
    const asked = await ask({ mode: 'clean', allow: { orphans } });
    assert.equal((await jobOf(asked.jobId)).status, 'pending');
    const byMessage = await world.run({ mode: 'clean', reason: 'message' });
    assert.equal(byMessage.kind, 'braked');
    const outcome = await world.run(asked);
    assert.equal(outcome.kind, 'done');
    assert.equal(await world.countOf('analyses'), 20);
    const { status, initiator, reason } = await jobOf(asked.jobId);
    assert.deepEqual([status, initiator, reason], ['done', 'ann@example.com', 'tidy up']);
  });

  it('is done once, however often its message is delivered', async () => {
    const asked = await ask({ mode: 'report' });
    const first = await world.run(asked);
    assert.equal(first.kind, 'braked');
    const again = await world.run(asked, {
      truth: { ask: () => Promise.reject(new Error('it was not to look again')) },
    });
    assert.deepEqual(again, first);
  });

  it('repairs nothing in shadow mode, and says so', async () => {
    const asked = await ask({ mode: 'clean', allow: { orphans } });
    const outcome = await world.run(asked, { isShadow: true });
    assert.equal(outcome.kind, 'done');
    assert.equal(await world.countOf('analyses'), 20 + orphans);
    assert.match(renderReport(outcome.report), /Shadow mode .*nothing was repaired/);
    const view = reportViewOf(await jobOf(asked.jobId));
    assert.equal(view.mode, 'clean (shadow)');
    assert.equal(view.findings['orphan-unknown'], orphans);
  });

  it('names only what there is', () => {
    const request = { mode: 'report', reason: 'test', collections: ['nowhere'] } as const;
    assert.throws(() => requestedJob(world.dependencies(), request), ReconcileRequestError);
  });

  it('is not begun when it was cancelled before', async () => {
    const asked = await ask({ mode: 'clean', allow: { orphans } });
    assert.deepEqual(await cancel(asked.jobId), { kind: 'cancelled', was: 'pending' });
    assert.deepEqual(await cancel(asked.jobId), { kind: 'already-finished', status: 'cancelled' });
    assert.deepEqual(await cancel('nowhere'), { kind: 'missing' });
    const outcome = await world.run(asked);
    assert.equal(outcome.kind, 'cancelled');
    assert.equal(await world.countOf('analyses'), 20 + orphans);
  });

  /** Does something while a run looks at MongoDB before it begins. All projects are counted: that may take a minute. */
  function whileLooking(act: () => Promise<unknown>): Partial<ReconcileDependencies> {
    const { source, config } = world.dependencies();
    const { database, collection } = config.source;
    const projects = source.client.db(database).collection<ProjectDocument>(collection);
    const count = projects.countDocuments.bind(projects);
    let isFirst = true;
    projects.countDocuments = async (filter, options) => {
      if (isFirst) await act();
      isFirst = false;
      return count(filter, options);
    };
    return { source: { ...source, projects } };
  }

  for (const what of ['it', 'its continuation']) {
    it(`stays cancelled when that came while ${what} looked at MongoDB, and gives its lease back`, async () => {
      const asked = await ask({ mode: 'clean', allow: { orphans } });
      if (what === 'its continuation')
        assert.equal((await world.run(asked, {}, { signal: AbortSignal.abort() })).kind, 'continued');
      const outcome = await world.run(
        asked,
        whileLooking(() => cancel(asked.jobId)),
      );
      assert.equal(outcome.kind, 'cancelled');
      assert.equal(await world.countOf('analyses'), 20 + orphans);
      assert.equal((await jobOf(asked.jobId)).status, 'cancelled');
      assert.notEqual((await world.run({ mode: 'report' })).kind, 'busy');
    });
  }

  it('stays cancelled when that came before a look at a wrong MongoDB', async () => {
    const asked = await ask({ mode: 'clean', allow: { orphans } });
    const outcome = await world.run(
      asked,
      whileLooking(async () => {
        await cancel(asked.jobId);
        await world.source.projects.deleteMany({});
      }),
    );
    assert.equal(outcome.kind, 'cancelled');
    assert.equal((await jobOf(asked.jobId)).status, 'cancelled');
  });

  it('stops in the middle when it is cancelled, gives its lease back, and stays cancelled', async () => {
    const asked = await ask({ mode: 'clean', allow: { orphans } });
    const { applier } = world.dependencies();
    let repairs = 0;
    const cancelled: Applier = {
      async apply(event, options) {
        repairs += 1;
        if (repairs === 3) await cancel(asked.jobId);
        return applier.apply(event, options);
      },
    };
    const limits = { ...defaultReconcileLimits, saveEveryMs: 5, closingMs: 0, parallelRepairs: 1 };
    const outcome = await world.run(asked, { applier: cancelled, limits });
    assert.equal(outcome.kind, 'cancelled');
    assert.ok((await world.countOf('analyses')) > 20, 'it went on to the end');
    assert.equal((await jobOf(asked.jobId)).status, 'cancelled');
    assert.equal((await jobRef(asked.jobId).listCollections()).length, 0);
    assert.equal((await world.run(asked)).kind, 'cancelled');
    assert.notEqual((await world.run({ mode: 'report' })).kind, 'busy');
  });

  it('keeps what it has done when MongoDB is unreachable for its continuation', async () => {
    const asked = await ask({ mode: 'clean', allow: { orphans } });
    const { applier } = world.dependencies();
    const stop = new AbortController();
    let repairs = 0;
    const stopping: Applier = {
      apply(event, options) {
        repairs += 1;
        if (repairs > 1) stop.abort(new Error('asked to stop'));
        return applier.apply(event, options);
      },
    };
    const limits = { ...defaultReconcileLimits, closingMs: 0, parallelRepairs: 1 };
    const first = await world.run(asked, { applier: stopping, limits }, { signal: stop.signal });
    assert.equal(first.kind, 'continued');
    assert.equal(first.report.repaired?.applied, 1);
    const unreachable = whileLooking(() => Promise.reject(new MongoNetworkError('connection closed')));
    const outcome = await world.run(asked, unreachable);
    assert.equal(outcome.kind, 'braked');
    assert.equal(outcome.brake.kind, 'source-unreachable');
    const { repaired, findings, scanned } = outcome.report;
    assert.deepEqual([repaired, findings, scanned], [first.report.repaired, first.report.findings, 'all']);
    assert.equal((await jobOf(asked.jobId)).repair.outcomes.applied, 1);
    const { length } = await jobRef(asked.jobId).listCollections();
    assert.equal(length, 0, 'nobody would remove its findings any more');
  });

  it('ends, and says why, when a collection that it names is not configured any more', async () => {
    const pending = await ask({ mode: 'report', collections: ['scenes'] });
    const begun = await ask({ mode: 'clean', collections: ['analyses', 'scenes'], allow: { orphans } });
    const { truth } = world.dependencies();
    const stop = new AbortController();
    const stopping: typeof truth = {
      ask(ids) {
        stop.abort(new Error('asked to stop'));
        return truth.ask(ids);
      },
    };
    assert.equal((await world.run(begun, { truth: stopping }, { signal: stop.signal })).kind, 'continued');
    const config = defineConfig({ ...worldConfig, collections: worldConfig.collections.slice(0, 2) });
    for (const asked of [pending, begun]) {
      await assert.rejects(world.run(asked, { config }), ReconcileRequestError);
      const { status, lastError, finishedAt } = await jobOf(asked.jobId);
      assert.equal(status, 'abandoned');
      assert.match(lastError ?? '', /"scenes" is not in lockstep.config.ts/);
      assert.notEqual(finishedAt, null);
    }
    const state = await jobRef(stateDocument).get();
    assert.deepEqual(state.get('open'), {});
  });

  it('that continues elsewhere is not begun anew after it was cancelled, and leaves nothing of what it has found', async () => {
    const stop = new AbortController();
    const { applier } = world.dependencies();
    const stopping: Applier = {
      apply(event, options) {
        stop.abort(new Error('asked to stop'));
        return applier.apply(event, options);
      },
    };
    const request = { mode: 'clean', allow: { orphans } } as const;
    const limits = { ...defaultReconcileLimits, parallelRepairs: 1 };
    const first = await world.run(request, { applier: stopping, limits }, { signal: stop.signal });
    assert.equal(first.kind, 'continued');
    const { jobId } = first.report;
    assert.equal((await jobRef(jobId).listCollections()).length, 1);
    assert.equal((await cancel(jobId)).kind, 'cancelled');
    assert.equal((await world.run({ ...request, jobId })).kind, 'cancelled');
    assert.equal((await jobRef(jobId).listCollections()).length, 0);
  });
});
