import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ObjectId } from 'mongodb';
import { type Clock, sleep } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { findingsCollection, stateDocument } from '../../src/reconcile/jobRecord.ts';
import { defaultReconcileLimits, type ReconcileLimits } from '../../src/reconcile/limits.ts';
import { RepairError } from '../../src/reconcile/repairPass.ts';
import type { ReconcileReport } from '../../src/reconcile/report.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { startWorld, type World, worldConfig } from './world.ts';

const limits: ReconcileLimits = {
  ...defaultReconcileLimits,
  lookupBatch: 5,
  projectsPerRange: 3,
  parallelRepairs: 2,
  saveEveryMs: 20,
  closingMs: 0,
};

// Attacks I6, and the lease of reconciliation.
describe('reconciliation that is interrupted', function () {
  // Dozens of invocations each.
  this.timeout(60_000);
  let world: World;
  const orphans = 12;
  const stale = 7;

  beforeEach(async () => {
    world = await startWorld();
    const ids = await world.addProjects(Array.from({ length: 40 }, () => 'name'));
    const gone = Array.from({ length: orphans }, () => new ObjectId().toHexString());
    await world.addRecords([...ids, ...gone], 'live');
    await world.addAssets('storyboards', [
      ...ids.flatMap((projectId) => [
        { projectId, projectName: 'name' },
        { projectId, projectName: 'name' },
      ]),
      ...ids.slice(0, stale).map((projectId) => ({ projectId, projectName: 'old' })),
      ...gone.map((projectId) => ({ projectId, projectName: 'gone' })),
    ]);
    await world.addAssets(
      'analyses',
      [...ids, ...gone].map((projectId) => ({ projectId })),
    );
  });
  afterEach(() => world.close());

  const findings = { ...noFindings(), 'orphan-unknown': orphans, 'stale-copy': stale };

  async function assertClean(): Promise<void> {
    const after = await world.run({ mode: 'report' });
    assert.equal(after.kind, 'done');
    assert.deepEqual(after.report.findings, noFindings());
    assert.equal(await world.countOf('storyboards'), 80 + stale);
    assert.equal(await world.countOf('analyses'), 40);
  }

  /** Runs until done, each invocation stopped by a signal after so many questions to MongoDB. */
  async function runInPieces(mode: 'report' | 'clean', asksPerPiece: readonly number[]) {
    const jobs = new Set<string>();
    for (let piece = 0; piece < 100; piece += 1) {
      const stop = new AbortController();
      let left = asksPerPiece[piece % asksPerPiece.length] ?? 1;
      const { truth } = world.dependencies();
      const stopping: typeof truth = {
        async ask(projectIds) {
          const statement = await truth.ask(projectIds);
          left -= 1;
          if (left < 0) stop.abort(new Error('asked to stop'));
          return statement;
        },
      };
      const outcome = await world.run({ mode }, { truth: stopping, limits }, { signal: stop.signal });
      assert.ok(outcome.kind === 'done' || outcome.kind === 'continued', outcome.kind);
      jobs.add(outcome.report.jobId);
      if (outcome.kind === 'done') return { report: outcome.report, pieces: piece + 1, jobs };
    }
    throw new Error('does not come to an end');
  }

  const outline = ({ findings: found, projects, young, collections }: ReconcileReport) => ({
    findings: found,
    projects,
    young,
    collections: collections.map(({ name, projects: seen, tuples }) => ({ name, projects: seen, tuples })),
  });

  it('finds the same in any number of pieces', async () => {
    const whole = await world.run({ mode: 'report' }, { limits });
    assert.equal(whole.kind, 'done');
    assert.deepEqual(whole.report.findings, findings);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }), async (asks) => {
        const { report, pieces, jobs } = await runInPieces('report', asks);
        assert.deepEqual(outline(report), outline(whole.report));
        assert.equal(jobs.size, 1);
        assert.equal(report.invocations, pieces);
      }),
      { numRuns: 5 },
    );
  });

  it('repairs everything in any number of pieces', async () => {
    const { report, pieces } = await runInPieces('clean', [2, 1, 3]);
    assert.ok(pieces > 3);
    assert.deepEqual(report.findings, findings);
    await assertClean();
  });

  it('counts each repair once, also those that were made beside one which was cut off', async () => {
    const { applier, clock } = world.dependencies();
    const stop = new AbortController();
    let first: string | undefined;
    let others = 0;
    const cutOff: typeof applier = {
      async apply(event, options) {
        first ??= event.projectId;
        if (event.projectId === first) await sleep(clock, 60_000, options.signal);
        const outcome = await applier.apply(event, options);
        others += 1;
        if (others === 3) stop.abort(new Error('asked to stop'));
        return outcome;
      },
    };
    const cut = await world.run({ mode: 'clean' }, { applier: cutOff, limits }, { signal: stop.signal });
    assert.equal(cut.kind, 'continued');
    const outcome = await world.run({ mode: 'clean' }, { limits });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.jobId, cut.report.jobId);
    const { applied, settled, failed } = outcome.report.repaired ?? { applied: 0, settled: 0, failed: 0 };
    assert.deepEqual([applied, settled, failed], [orphans + stale, 0, 0]);
    await assertClean();
  });

  it('stops at its deadline and resumes in the next invocation', async () => {
    const { clock, truth } = world.dependencies();
    const deadline = clock.now() + 60_000;
    let asked = 0;
    const slow: typeof truth = {
      async ask(projectIds) {
        asked += 1;
        if (asked === 3) world.advance(60_000);
        return truth.ask(projectIds);
      },
    };
    const first = await world.run({ mode: 'clean' }, { truth: slow, limits }, { deadline });
    assert.equal(first.kind, 'continued');
    assert.ok(first.report.projects > 0 && first.report.projects < 52);
    const second = await world.run({ mode: 'clean' }, { limits });
    assert.equal(second.kind, 'done');
    assert.equal(second.report.jobId, first.report.jobId);
    await assertClean();
  });

  it('goes on after an error of Firestore, and says which it was', async () => {
    const permissionDenied = 7;
    world.client.server.faults.inject('RunQuery', { error: { code: 'PERMISSION_DENIED', message: 'not today' } });
    await assert.rejects(world.run({ mode: 'clean' }, { limits }), { code: permissionDenied });
    const outcome = await world.run({ mode: 'clean' }, { limits });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.invocations, 2);
    await assertClean();
  });

  it('never works twice at once, whatever the requests are', async () => {
    const { truth } = world.dependencies();
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const waiting: typeof truth = {
      async ask(projectIds) {
        reached.resolve();
        await goOn.promise;
        return truth.ask(projectIds);
      },
    };
    const first = world.run({ mode: 'clean' }, { truth: waiting, limits });
    await reached.promise;
    assert.equal((await world.run({ mode: 'report' }, { limits })).kind, 'busy');
    goOn.resolve();
    assert.equal((await first).kind, 'done');
    assert.equal((await world.run({ mode: 'report' }, { limits })).kind, 'done');
  });

  it('is taken over when it has died, and writes nothing if it was only stalled', async () => {
    const { truth, clock } = world.dependencies();
    // A process that hangs: no timer fires, and the answer of MongoDB reaches it very late.
    const hangs: Clock = { now: () => clock.now(), after: () => () => undefined };
    const reached = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    let asked = 0;
    const stalled: typeof truth = {
      async ask(projectIds) {
        asked += 1;
        if (asked > 4) {
          reached.resolve();
          await late.promise;
        }
        return truth.ask(projectIds);
      },
    };
    const dead = world.run({ mode: 'clean' }, { truth: stalled, clock: hangs, limits });
    await reached.promise;
    assert.equal((await world.run({ mode: 'clean' }, { limits })).kind, 'busy');
    world.advance(limits.leaseMs + 1);
    const outcome = await world.run({ mode: 'clean' }, { limits });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, findings);
    const ref = world.firestore.collection('syncJobs').doc(outcome.report.jobId);
    const before = (await ref.get()).data();
    late.resolve();
    assert.equal((await dead).kind, 'busy');
    assert.deepEqual((await ref.get()).data(), before);
    assert.deepEqual(world.log.alarms(), ['lease-lost']);
    await assertClean();
  });

  /** Runs until the first questions are answered and what they have found is kept, and stops. */
  async function runABit(mode: 'report' | 'clean', asks: number): Promise<ReconcileReport> {
    const stop = new AbortController();
    const { truth } = world.dependencies();
    let left = asks;
    const stopping: typeof truth = {
      ask(projectIds) {
        left -= 1;
        if (left < 0) stop.abort(new Error('asked to stop'));
        return truth.ask(projectIds);
      },
    };
    const outcome = await world.run({ mode }, { truth: stopping, limits }, { signal: stop.signal });
    assert.equal(outcome.kind, 'continued');
    return outcome.report;
  }

  it('begins anew when what is left is too old to be resumed, and leaves nothing of it but its record', async () => {
    const first = await runABit('clean', 6);
    const ref = world.firestore.collection('syncJobs').doc(first.jobId);
    const kept = ref.collection(findingsCollection);
    // Which ranges come first is chance.
    while ((await kept.get()).empty) assert.equal((await runABit('clean', 2)).jobId, first.jobId);
    world.advance(limits.resumeMs + 1);
    const second = await world.run({ mode: 'clean' }, { limits });
    assert.equal(second.kind, 'done');
    assert.notEqual(second.report.jobId, first.jobId);
    assert.equal((await ref.get()).get('status'), 'abandoned');
    assert.equal((await kept.get()).size, 0);
    await assertClean();
  });

  it('ends what nobody resumes any more, since the configuration is another', async () => {
    const first = await runABit('clean', 6);
    const ref = world.firestore.collection('syncJobs').doc(first.jobId);
    const kept = ref.collection(findingsCollection);
    while ((await kept.get()).empty) assert.equal((await runABit('clean', 2)).jobId, first.jobId);
    const config = defineConfig({ ...worldConfig, collections: worldConfig.collections.slice(0, 2) });
    const second = await world.run({ mode: 'clean' }, { limits, config });
    assert.equal(second.kind, 'done');
    assert.notEqual(second.report.jobId, first.jobId);
    assert.equal((await ref.get()).get('status'), 'running', 'after a roll-back it would be resumed');
    world.advance(limits.resumeMs + 1);
    assert.equal((await world.run({ mode: 'report' }, { limits, config })).kind, 'done');
    assert.equal((await ref.get()).get('status'), 'abandoned');
    assert.equal((await kept.get()).size, 0);
    const state = await world.firestore.collection('syncJobs').doc(stateDocument).get();
    assert.deepEqual(state.get('open'), {});
  });

  it('goes on with a run that began long ago, if it was worked on since', async () => {
    const first = await runABit('clean', 3);
    world.advance(limits.resumeMs - 1_000);
    const second = await runABit('clean', 3);
    world.advance(limits.resumeMs - 1_000);
    const last = await world.run({ mode: 'clean' }, { limits });
    assert.equal(last.kind, 'done');
    assert.deepEqual([second.jobId, last.report.jobId], [first.jobId, first.jobId]);
    await assertClean();
  });

  it('repairs the others when one project cannot be repaired', async () => {
    const { applier } = world.dependencies();
    let failures = 0;
    const broken: typeof applier = {
      apply(event, options) {
        if (event.type === 'ProjectDeleted' && failures === 0) {
          failures += 1;
          return Promise.reject(new Error('its record cannot be read'));
        }
        return applier.apply(event, options);
      },
    };
    const outcome = await world.run({ mode: 'clean' }, { applier: broken, limits });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.repaired?.failed, 1);
    assert.match(outcome.report.failures[0] ?? '', /its record cannot be read/);
    assert.equal(await world.countOf('analyses'), 41);
    await world.run({ mode: 'clean' }, { limits });
    await assertClean();
  });

  /** More orphans, with one asset each. */
  async function addOrphans(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => new ObjectId().toHexString());
    await world.addRecords(ids, 'live');
    await world.addAssets(
      'analyses',
      ids.map((projectId) => ({ projectId })),
    );
    return ids;
  }
  const allow = { orphans: 1_000 };

  it('repairs all others however many records are damaged, and reports those', async () => {
    const damaged = await addOrphans(25);
    await addOrphans(30);
    for (const id of damaged) await projectRecordRef(world.firestore, id).set({ schemaVersion: 99 });
    const outcome = await world.run({ mode: 'clean', allow });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.repaired?.failed, 25);
    assert.equal(outcome.report.repaired.applied, orphans + 30 + stale);
    assert.equal(outcome.report.failures.length, limits.examples);
    for (const failure of outcome.report.failures) assert.match(failure, /schemaVersion/);
    assert.equal(await world.countOf('analyses'), 40 + 25);
  });

  // I11: a service that begins to store shapes, which are lists of lists, does so in all of its projects.
  it('repairs all others however many projects have a value that no copy can have, and reports those', async () => {
    const shapes = Array.from({ length: 25 }, () => ({ _id: new ObjectId(), name: [['a list in a list']] }));
    await world.source.projects.insertMany(shapes);
    await world.addAssets(
      'storyboards',
      shapes.map(({ _id }) => ({ projectId: _id.toHexString(), projectName: 'old' })),
    );
    const outcome = await world.run({ mode: 'clean' });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.repaired?.failed, shapes.length);
    assert.equal(outcome.report.repaired.applied, orphans + stale);
    for (const failure of outcome.report.failures) assert.match(failure, /an array directly inside an array/);
  });

  it('stops after too many failures of other kinds, and goes on behind them in the next invocation', async () => {
    const { applier } = world.dependencies();
    let tried = 0;
    const broken: typeof applier = {
      async apply() {
        tried += 1;
        throw new Error(`no luck with number ${tried}`);
      },
    };
    await addOrphans(10);
    const few = { ...limits, maxFailures: 5 };
    const error: unknown = await world
      .run({ mode: 'clean', allow }, { applier: broken, limits: few })
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof RepairError, String(error));
    assert.match(error.message, /the repair of 6 projects failed/);
    assert.match(String(error.cause), /no luck with number/);
    const second = await world.run({ mode: 'clean', allow }, { limits: few });
    assert.equal(second.kind, 'done');
    assert.equal(second.report.invocations, 2);
    assert.ok((second.report.repaired?.failed ?? 0) >= 6);
    const left = (second.report.repaired?.applied ?? 0) + (second.report.repaired?.failed ?? 0);
    assert.equal(left, orphans + 10 + stale, 'every finding is either repaired or among the failures');
    await world.run({ mode: 'clean', allow }, { limits: few });
    await assertClean();
  });
});
