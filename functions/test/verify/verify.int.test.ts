import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import type { Clock } from '../../src/clock.ts';
import { recordCollections } from '../../src/config/defineConfig.ts';
import { eventId, specversion } from '../../src/events/contract.ts';
import type { ReconcileRequest } from '../../src/events/reconciliationRequest.ts';
import { versionOf } from '../../src/events/version.ts';
import { noFindings } from '../../src/reconcile/findings.ts';
import { parseJob, type ReconcileJob } from '../../src/reconcile/jobRecord.ts';
import { defaultReconcileLimits, type ReconcileLimits } from '../../src/reconcile/limits.ts';
import type { ReconcileOutcome, ReconcileTask } from '../../src/reconcile/run.ts';
import type { ReconcileDependencies } from '../../src/reconcile/runRecord.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { runVerification } from '../../src/verify/run.ts';
import { startWorld, type World } from '../reconcile/world.ts';

/** Unlike any other pause, so that a test can act in it. */
const settleMs = 3;
const minute = 60_000;
const limits: ReconcileLimits = { ...defaultReconcileLimits, settleMs, saveEveryMs: 20, closingMs: 0 };

// Attacks what a deployment gate relies on: nothing that differs passes, and nothing that is on its way fails.
describe('verification', () => {
  let world: World;
  let ids: string[];

  beforeEach(async () => {
    world = await startWorld();
    ids = await world.addProjects(Array.from({ length: 12 }, () => 'name'));
    await world.addRecords(ids, 'live');
    await world.addAssets(
      'storyboards',
      ids.flatMap((projectId) => [
        { projectId, projectName: 'name' },
        { projectId, projectName: 'name' },
      ]),
    );
    await world.addAssets(
      'analyses',
      ids.map((projectId) => ({ projectId })),
    );
  });
  afterEach(() => world.close());

  function verify(
    request: Partial<ReconcileRequest> = {},
    change: Partial<ReconcileDependencies> = {},
    task: Partial<ReconcileTask> = {},
  ): Promise<ReconcileOutcome> {
    const dependencies = world.dependencies({ limits, ...change });
    return runVerification(dependencies, {
      request: { mode: 'verify', reason: 'test', ...request },
      deadline: dependencies.clock.now() + minute,
      signal: new AbortController().signal,
      ...task,
    });
  }

  async function jobOf(outcome: ReconcileOutcome): Promise<ReconcileJob> {
    assert.ok('report' in outcome);
    const { jobId } = outcome.report;
    return parseJob(jobId, (await world.firestore.collection(recordCollections.jobs).doc(jobId).get()).data());
  }

  const checksums = ({ collections }: ReconcileJob) =>
    Object.fromEntries(
      collections.map(({ name, checksums: sums }) => [name, sums === null ? null : sums.assets === sums.projects]),
    );

  const storyboardOf = async (projectId: string | undefined) => {
    const { docs } = await world.firestore
      .collection('storyboards')
      .where('projectId', '==', projectId ?? '')
      .get();
    const [first] = docs;
    if (first === undefined) throw new Error('no storyboard');
    return first.ref;
  };

  it('says of assets in step that they are, with equal checksums, and reads samples whole', async () => {
    const outcome = await verify({ samples: 5 });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, noFindings());
    const job = await jobOf(outcome);
    assert.equal(job.type, 'verification');
    assert.deepEqual(checksums(job), { storyboards: true, analyses: true, scenes: null });
    assert.deepEqual([job.verification?.sampled, job.verification?.assets], [5, 15]);
    assert.ok((job.verification?.reads ?? 0) <= 15 + 5 + 1);
  });

  // I11: MongoDB takes any text for an _id, and some of it is no name in Firestore.
  it('passes by projects that no asset can name', async () => {
    await world.firestore.collection(recordCollections.events).doc('first').set({ receivedAt: new Date() });
    await world.source.projects.insertMany(['', '.', 'a/b', 'x'.repeat(2_000)].map((_id) => ({ _id, name: 'name' })));
    const outcome = await verify({ samples: 100 });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, noFindings());
    const sampled = (await jobOf(outcome)).verification?.samples ?? [];
    assert.deepEqual(sampled.toSorted(), ['.', ...ids]);
  });

  it('finds drift, and says of which collection', async () => {
    await (await storyboardOf(ids[3])).update({ projectName: 'another' });
    const outcome = await verify();
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, { ...noFindings(), 'stale-copy': 1, 'sample-differs': 1 });
    const job = await jobOf(outcome);
    assert.deepEqual(checksums(job), { storyboards: false, analyses: true, scenes: null });
    assert.deepEqual(
      job.collections.map(({ name, projects, behind }) => [name, projects, behind]),
      [
        ['storyboards', 12, 1],
        ['analyses', 12, 0],
        ['scenes', 0, 0],
      ],
    );
  });

  it('finds assets of a project that is gone in every collection that has some', async () => {
    await world.source.projects.deleteOne({ _id: new ObjectId(ids[0]) });
    const outcome = await verify({ samples: 0 });
    assert.equal(outcome.kind, 'done');
    assert.equal(outcome.report.findings['orphan-unknown'], 1);
    assert.deepEqual(checksums(await jobOf(outcome)), { storyboards: false, analyses: false, scenes: null });
  });

  it('says of a value that no copy can have the same in the scan and in a sample, whatever the asset shows', async () => {
    const detail = /^projectName: MongoDB has a value that no copy can have \(an array directly inside an array/;
    for (const projectName of ['name', null]) {
      await world.source.projects.updateOne({ _id: new ObjectId(ids[3]) }, { $set: { name: [['a list in a list']] } });
      for (const { ref } of (await world.firestore.collection('storyboards').where('projectId', '==', ids[3]).get())
        .docs)
        await ref.update({ projectName });
      const outcome = await verify({ samples: 100 });
      assert.equal(outcome.kind, 'done');
      assert.deepEqual(outcome.report.findings, { ...noFindings(), 'stale-copy': 1, 'sample-differs': 1 });
      for (const example of outcome.report.examples) assert.match(example.detail, detail);
    }
  });

  it('changes no asset, whatever it finds', async () => {
    await (await storyboardOf(ids[3])).update({ projectName: 'another' });
    await world.source.projects.deleteOne({ _id: new ObjectId(ids[0]) });
    const written = async () =>
      (await Promise.all(['storyboards', 'analyses'].map((name) => world.firestore.collection(name).get()))).flatMap(
        ({ docs }) => docs.map(({ ref, updateTime }) => [ref.path, updateTime.toMillis()]),
      );
    const before = await written();
    await verify();
    assert.deepEqual(await written(), before);
  });

  it('takes no change under way for drift: what differs is looked at twice', async () => {
    const ref = await storyboardOf(ids[3]);
    await ref.update({ projectName: 'on its way' });
    const { clock } = world.dependencies();
    let pauses = 0;
    const arriving: Clock = {
      ...clock,
      after(ms, run) {
        if (ms !== settleMs) return clock.after(ms, run);
        pauses += 1;
        void ref.update({ projectName: 'name' }).then(run);
        return () => undefined;
      },
    };
    const outcome = await verify({ samples: 12 }, { clock: arriving });
    assert.equal(pauses, 1);
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, noFindings());
    const job = await jobOf(outcome);
    assert.deepEqual(checksums(job), { storyboards: true, analyses: true, scenes: null });
    assert.deepEqual([job.verification?.lookedTwice, job.verification?.settled], [1, 1]);
  });

  it('counts each project once, also those beyond what is looked at twice', async () => {
    const many = await world.addProjects(Array.from({ length: 520 }, () => 'name'));
    await world.addAssets(
      'analyses',
      many.map((projectId) => ({ projectId })),
    );
    await world.addAssets(
      'storyboards',
      many.map((projectId) => ({ projectId, projectName: 'old' })),
    );
    const outcome = await verify({ samples: 0 });
    assert.equal(outcome.kind, 'done');
    assert.deepEqual(outcome.report.findings, { ...noFindings(), 'stale-copy': many.length });
    assert.equal(outcome.report.projects, ids.length + many.length);
    const job = await jobOf(outcome);
    assert.deepEqual(
      job.collections.map(({ name, projects, behind }) => [name, projects, behind]),
      [
        ['storyboards', ids.length + many.length, many.length],
        ['analyses', ids.length + many.length, 0],
        ['scenes', 0, 0],
      ],
    );
    assert.equal(job.verification?.lookedTwice, 500);
  });

  it('says how many records are ahead of the assets', async () => {
    const record = { ...emptyProjectRecord(ids[2] ?? ''), revision: 2, appliedRevision: 1 };
    await projectRecordRef(world.firestore, record.projectId).set(projectRecordData(record));
    assert.equal((await jobOf(await verify())).verification?.pending, 1);
  });

  it('finds a record that is not the fold of its events', async () => {
    const { applier, clock } = world.dependencies();
    // The clock of the machine, by which MongoDB counts; the first event begins the history a minute before.
    world.advance(-(24 * 60 + 1) * minute);
    const [first = '', second = ''] = ids;
    for (const projectId of [first, second]) {
      await world.source.projects.updateOne({ _id: new ObjectId(projectId) }, { $set: { name: 'renamed' } });
      const version = versionOf({ seconds: Math.floor(clock.now() / 1_000), increment: 1 }, 0);
      await applier.apply(
        {
          specversion,
          id: eventId(projectId, version),
          type: 'ProjectUpdated',
          projectId,
          version,
          occurredAt: new Date(clock.now()).toISOString(),
          changes: { name: 'renamed' },
          origin: { service: 'test', channel: 'test' },
        },
        { force: true, deadline: clock.now() + minute, signal: new AbortController().signal },
      );
      if (projectId === first) world.advance(minute);
    }
    const right = await verify({ projectIds: [first, second] });
    assert.equal(right.kind, 'done');
    assert.deepEqual(right.report.findings, noFindings());
    assert.equal((await jobOf(right)).verification?.histories, 2);

    await projectRecordRef(world.firestore, second).update({ 'desired.fields.name.value': 'by hand' });
    const wrong = await verify({ projectIds: [first, second] });
    assert.equal(wrong.kind, 'done');
    assert.deepEqual(wrong.report.findings, { ...noFindings(), 'history-differs': 1 });
    const [example] = wrong.report.examples;
    assert.match(example?.detail ?? '', /its record name is "by hand" since .*; its history says "renamed"/);
  });

  it('finds the same in any number of pieces', async () => {
    await (await storyboardOf(ids[3])).update({ projectName: 'another' });
    await (await storyboardOf(ids[7])).update({ projectName: 'another' });
    const whole = await jobOf(await verify({ samples: 12 }));
    const small = { ...limits, lookupBatch: 2, parallelRepairs: 1 };
    const { truth } = world.dependencies();
    for (let pieces = 1; ; pieces += 1) {
      assert.ok(pieces < 100, 'does not come to an end');
      const stop = new AbortController();
      let left = 6;
      const stopping: typeof truth = {
        async ask(projectIds) {
          const statement = await truth.ask(projectIds);
          left -= 1;
          if (left < 0) stop.abort(new Error('asked to stop'));
          return statement;
        },
      };
      const outcome = await verify({ samples: 12 }, { truth: stopping, limits: small }, { signal: stop.signal });
      if (outcome.kind === 'continued') continue;
      assert.ok(pieces > 2, `${pieces} pieces`);
      const job = await jobOf(outcome);
      assert.deepEqual(job.findings, whole.findings);
      assert.deepEqual(
        job.collections.map(({ name, behind, checksums: sums }) => ({ name, behind, sums })),
        whole.collections.map(({ name, behind, checksums: sums }) => ({ name, behind, sums })),
      );
      assert.equal(job.verification?.sampled, 12);
      return;
    }
  });
});
