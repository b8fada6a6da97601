// Attacks I1, I3, I5, I6 and I9 where an event is claimed and carried out in one transaction.
import assert from 'node:assert/strict';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { historyEntryRef, parseHistoryEntry } from '../../src/records/historyEntry.ts';
import { projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { syncJobRef } from '../../src/records/syncJob.ts';
import { AttemptFailedError, LeaseLostError, ProjectBusyError } from '../../src/sync/errors.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { claimed } from '../../src/sync/transitions.ts';
import { until } from '../support/until.ts';
import { event, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('a claim that takes a page along', () => {
  let fixture: SyncFixture;
  let renamed: ProjectEvent;
  beforeEach(async () => {
    fixture = await startSyncFixture();
    renamed = event('ProjectUpdated', 'p1', { name: 'new' });
  });
  afterEach(() => fixture.close());

  const budget = () => ({ deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal });

  async function seed(count: number): Promise<void> {
    const writer = fixture.firestore.bulkWriter({ throttling: false });
    for (let index = 0; index < count; index += 1) {
      const ref = fixture.firestore.doc(`media/m${String(index).padStart(5, '0')}`);
      void writer.set(ref, { projectId: 'p1', projectName: 'old' });
    }
    await writer.close();
  }

  async function names(): Promise<Map<unknown, number>> {
    const counts = new Map<unknown, number>();
    for (const { projectName } of (await fixture.documents('media')).values()) {
      counts.set(projectName, (counts.get(projectName) ?? 0) + 1);
    }
    return counts;
  }

  async function spent(work: () => Promise<unknown>) {
    const { meter } = fixture.server;
    const before = meter.snapshot();
    await work();
    return meter.diff(before);
  }

  it('does a small rename in five calls, of which three follow each other, with three writes besides the asset', async () => {
    await seed(1);
    const { reads, writes, rpcs } = await spent(() => fixture.deliver(renamed));
    const { BatchGetDocuments: gets, RunQuery: queries, Commit: commits } = rpcs;
    // What is paused is read once for many events.
    assert.deepEqual([gets, queries, commits], [2, 2, 1], JSON.stringify(rpcs));
    assert.equal(writes, 4, 'the asset, the record, the job, the history');
    assert.ok(reads <= 4, `${reads} reads`);
    const { revision, appliedRevision, lease, attempts, open } = await fixture.record('p1');
    assert.deepEqual([revision, appliedRevision, lease, attempts, open], [1, 1, null, {}, []]);
    assert.deepEqual([...(await names())], [['new', 1]]);
    const job = await syncJobRef(fixture.firestore, renamed.id).get();
    assert.deepEqual([job.get('status'), job.get('processed')], ['done', 1]);
    const entry = await historyEntryRef(fixture.firestore, renamed.id).get();
    const { outcome, assets, jobId } = parseHistoryEntry(entry.ref.path, entry.data());
    assert.deepEqual([outcome, assets, jobId], ['applied', 1, renamed.id]);
  });

  it('takes nothing into the record when its commit fails, and everything once when only the answer was lost (I1)', async () => {
    await seed(2);
    for (const afterEffect of [false, true]) {
      const again = event('ProjectUpdated', 'p1', { name: `new ${afterEffect}` });
      fixture.server.faults.inject('Commit', { error: { code: 'UNAVAILABLE' }, afterEffect });
      await fixture.deliver(again);
      assert.deepEqual([...(await names())], [[`new ${afterEffect}`, 2]]);
      const { revision, appliedRevision, lease } = await fixture.record('p1');
      assert.deepEqual([appliedRevision, lease], [revision, null]);
      assert.equal((await syncJobRef(fixture.firestore, again.id).get()).get('processed'), 2);
    }
    assert.equal((await fixture.record('p1')).revision, 2);
  });

  it('keeps how far it came where a page is not all, and a redelivery goes on from there after a crash (I6)', async () => {
    const count = assetsPerPage + 10;
    await seed(count);
    const reached = Promise.withResolvers<void>();
    const { throttle } = fixture.dependencies;
    let entered = 0;
    const dying = fixture.worker2({
      throttle: {
        ...throttle,
        enter() {
          entered += 1;
          if (entered === 1) return throttle.enter();
          reached.resolve();
          return new Promise(() => {});
        },
      },
    });
    void dying.apply(renamed, budget());
    await reached.promise;
    const { progress, attempts, revision, appliedRevision } = await fixture.record('p1');
    const done = (await names()).get('new') ?? 0;
    assert.ok(done > 0 && done < count);
    assert.deepEqual([progress?.processed, progress?.scanned, revision, appliedRevision], [done, done, 1, 0]);
    assert.equal(attempts[renamed.id]?.count, 1, 'counted, since work is left');
    await assert.rejects(fixture.deliver(renamed), ProjectBusyError);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    const { reads } = await spent(() => fixture.deliver(renamed));
    assert.ok(reads < count - done + 20, `${reads} reads`);
    assert.deepEqual([...(await names())], [['new', count]]);
    assert.equal((await syncJobRef(fixture.firestore, renamed.id).get()).get('processed'), count);
  });

  for (const { length, pages } of [
    { length: 10, pages: 1 },
    { length: 100_000, pages: 7 },
  ]) {
    it(`knows from the record how large copies are: 400 of ${length} characters in ${pages} pages`, async () => {
      const value = 'x'.repeat(length);
      await fixture.deliver(event('ProjectCreated', 'p1', { name: value, status: 'open' }));
      const writer = fixture.firestore.bulkWriter({ throttling: false });
      for (let index = 0; index < 400; index += 1) {
        const ref = fixture.firestore.doc(`media/m${String(index).padStart(5, '0')}`);
        void writer.set(ref, { projectId: 'p1', projectName: value, meta: { status: 'open' } });
      }
      await writer.close();
      const { rpcs, reads } = await spent(() => fixture.deliver(event('ProjectUpdated', 'p1', { name: 'new' })));
      assert.deepEqual([...(await names())], [['new', 400]]);
      const commits = rpcs.Commit ?? 0;
      if (pages === 1) assert.equal(commits, 1);
      else assert.ok(commits >= pages, `${commits} commits`);
      assert.ok(reads <= 400 + 5 * pages, `${reads} reads`);
    });
  }

  it('settles in the history what it supersedes', async () => {
    await seed(1);
    const { limits } = fixture.dependencies;
    const throttle = { ...createThrottle(), enter: () => Promise.reject(new Error('no memory')) };
    const failing = fixture.worker2({ limits: { ...limits, countAfterMs: 0 }, throttle });
    await assert.rejects(failing.apply(renamed, budget()), AttemptFailedError);
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'newer' }));
    const entry = await historyEntryRef(fixture.firestore, renamed.id).get();
    assert.equal(entry.get('outcome'), 'superseded');
    assert.deepEqual([...(await names())], [['newer', 1]]);
  });

  it('is refused, and writes no asset, while another worker has the lease (I5)', async () => {
    await seed(1);
    const lease = { holder: 'another', eventId: 'x', expiresAt: fixture.clock.now() + 1_000 };
    const record = { ...(await fixture.record('p1')), revision: 1, lease };
    await projectRecordRef(fixture.firestore, 'p1').set(projectRecordData(record));
    await assert.rejects(fixture.deliver(renamed), ProjectBusyError);
    assert.deepEqual([...(await names())], [['old', 1]]);
    fixture.clock.advance(1_001);
    await fixture.deliver(renamed);
    assert.deepEqual([...(await names())], [['new', 1]]);
  });

  /** A worker that has done the page of its claim and waits for `resume` before the next one. */
  function stalling() {
    const [stalled, resume] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const throttle = createThrottle();
    let entered = 0;
    const worker = fixture.worker2({
      throttle: {
        ...throttle,
        async enter() {
          entered += 1;
          if (entered > 1) {
            stalled.resolve();
            await resume.promise;
          }
          return throttle.enter();
        },
      },
    });
    // Longer than its lease, so that it tries.
    const ending = worker.apply(renamed, { ...budget(), deadline: fixture.clock.now() + 600_000 });
    return { stalled: stalled.promise, resume: resume.resolve, ending };
  }

  it('leaves the newer state to show for itself: a worker that stalled before it writes nothing more (I5)', async () => {
    const count = assetsPerPage + 10;
    await seed(count);
    const slow = stalling();
    await slow.stalled;
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'newer' }));
    const before = await fixture.record('p1');
    slow.resume();
    await assert.rejects(slow.ending, LeaseLostError);
    assert.deepEqual([...(await names())], [['newer', count]]);
    assert.deepEqual(await fixture.record('p1'), before);
  });

  it('is lost to its own redelivery, which has taken the project over and not got far yet (I5)', async () => {
    const count = assetsPerPage + 10;
    await seed(count);
    const slow = stalling();
    await slow.stalled;
    const done = (await names()).get('new');
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    const second = stalling();
    await second.stalled;
    const before = await fixture.record('p1');
    slow.resume();
    await assert.rejects(slow.ending, LeaseLostError);
    assert.equal((await names()).get('new'), done);
    assert.deepEqual(await fixture.record('p1'), before);
    second.resume();
    assert.equal((await second.ending).kind, 'applied');
    assert.deepEqual([...(await names())], [['new', count]]);
  });

  it('goes on behind its page when only the answer was lost, and counts each asset once (I1, I6)', async () => {
    const count = assetsPerPage + 10;
    await seed(count);
    fixture.server.faults.inject('Commit', { error: { code: 'UNAVAILABLE' }, afterEffect: true });
    const { reads } = await spent(() => fixture.deliver(renamed));
    assert.equal(fixture.server.faults.pending(), 0);
    assert.deepEqual([...(await names())], [['new', count]]);
    assert.ok(reads < count + 20, `${reads} reads`);
    assert.equal((await syncJobRef(fixture.firestore, renamed.id).get()).get('processed'), count);
    const { attempts, lease } = await fixture.record('p1');
    assert.deepEqual([attempts, lease], [{}, null]);
  });

  // Found by runs with killed processes: assets of its page were left as they were.
  it('begins again when only the answer was lost, and a newer event came before it was asked again (I6)', async () => {
    const { clock, limits } = fixture.dependencies;
    const terms = { holder: 'first', now: clock.now(), limits, fields: ['name'] };
    const { record } = claimed(await fixture.record('p1'), { ...terms, event: renamed });
    assert.ok(record);
    const plan = { revision: record.revision, plan: '', isShadow: false, startedAt: 0, createdBefore: null };
    const begun = { ...record, progress: { ...plan, ranges: [], processed: 1, scanned: 1, total: null } };
    const same = claimed(begun, { ...terms, event: renamed }).outcome;
    assert.deepEqual(same.kind === 'claimed' && same.record.progress, begun.progress);
    const newer = event('ProjectUpdated', 'p1', { name: 'newer' });
    const news = claimed(begun, { ...terms, event: newer, holder: 'second' });
    assert.equal(news.outcome.kind, 'busy');
    assert.ok(news.record);
    const { outcome } = claimed(news.record, { ...terms, event: renamed });
    assert.ok(outcome.kind === 'claimed');
    assert.deepEqual([outcome.record.revision, outcome.record.progress], [record.revision + 1, null]);
  });

  it('touches no asset that moves to another project between its read and its commit (I3)', async () => {
    await seed(1);
    const asset = fixture.firestore.doc('media/m00000');
    const { faults, meter } = fixture.server;
    const commits = () => meter.snapshot().rpcs.Commit ?? 0;
    const before = commits();
    faults.inject('Commit', { latencyMs: 200 });
    const applied = fixture.deliver(renamed);
    await until(() => commits() > before);
    await asset.update({ projectId: 'p2', projectName: 'of p2' });
    await applied;
    assert.deepEqual((await asset.get()).data(), { projectId: 'p2', projectName: 'of p2' });
  });

  it('is not made for an event that may have killed workers for minutes: its attempts are counted, and end', async () => {
    await seed(1);
    const { limits } = fixture.dependencies;
    fixture.clock.advance(limits.countAfterMs);
    for (let attempt = 1; attempt <= limits.maxAttempts; attempt += 1) {
      const reached = Promise.withResolvers<void>();
      const enter = () => {
        reached.resolve();
        return new Promise<void>(() => {});
      };
      const dying = fixture.worker2({ throttle: { ...createThrottle(), enter } });
      void dying.apply(renamed, budget());
      await reached.promise;
      assert.equal((await fixture.record('p1')).attempts[renamed.id]?.count, attempt);
      fixture.clock.advance(limits.leaseMs + 1);
    }
    assert.deepEqual(await fixture.worker.apply(renamed, budget()), {
      kind: 'exhausted',
      attempts: limits.maxAttempts,
      lastError: null,
    });
  });

  it('leaves an event that failed before to the claim that counts it', async () => {
    await seed(1);
    const { limits } = fixture.dependencies;
    const failing = fixture.worker2({
      limits: { ...limits, countAfterMs: 0 },
      throttle: { ...createThrottle(), enter: () => Promise.reject(new Error('no memory')) },
    });
    await assert.rejects(failing.apply(renamed, budget()), AttemptFailedError);
    await assert.rejects(
      fixture.worker2({ throttle: refusingSecond() }).apply(renamed, budget()),
      (error) => error instanceof AttemptFailedError && error.attempt === 2,
    );
    assert.deepEqual([...(await names())], [['old', 1]]);
  });

  /** The claim gets its place, and what follows it none. */
  function refusingSecond() {
    const throttle = createThrottle();
    let entered = 0;
    return {
      ...throttle,
      enter() {
        entered += 1;
        return entered === 1 ? throttle.enter() : Promise.reject(new Error('no memory'));
      },
    };
  }
});
