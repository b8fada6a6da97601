// Attacks I1 and I9: an event that meets another worker stands for its own news until the assets show it.
import assert from 'node:assert/strict';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { AttemptFailedError, ProjectBusyError } from '../../src/sync/errors.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('an event of a project under work', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  const budget = () => ({ deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal });

  /** A worker that takes the lease for a deletion and is never heard of again. */
  async function dieAt(deletion: ProjectEvent, force: boolean): Promise<void> {
    const reached = Promise.withResolvers<void>();
    const dead = fixture.worker2({
      truth: {
        ask() {
          reached.resolve();
          return new Promise(() => {});
        },
      },
    });
    void dead.apply(deletion, { ...budget(), force });
    await reached.promise;
  }

  async function media(projectId: string): Promise<unknown> {
    return (await fixture.documents('media')).get(`media/${projectId}`)?.projectName;
  }

  it('is not left to a reconciliation, which nothing redelivers', async () => {
    await fixture.firestore.doc('media/p1').set({ projectId: 'p1', projectName: 'old' });
    await dieAt(event('ProjectDeleted', 'p1'), true);
    const revived = event('ProjectCreated', 'p1', { name: 'new' });
    await assert.rejects(fixture.deliver(revived), ProjectBusyError);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await fixture.deliver(revived);
    assert.equal(await media('p1'), 'new');
  });

  it('stands for its own news: the worker that it met fails for good, and its redelivery carries it out (I9)', async () => {
    await fixture.firestore.doc('media/p1').set({ projectId: 'p1', projectName: 'old' });
    const { limits } = fixture.dependencies;
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    const deletion = event('ProjectDeleted', 'p1');
    const failing = fixture.worker2({
      limits: { ...limits, maxAttempts: 1, countAfterMs: 0 },
      throttle: {
        ...oneAtATime(),
        async enter() {
          await assert.rejects(fixture.deliver(deletion), ProjectBusyError);
          throw new Error('out of memory');
        },
      },
    });
    await assert.rejects(failing.apply(rename, budget()), AttemptFailedError);
    const { revision, appliedRevision } = await fixture.record('p1');
    assert.deepEqual([revision, appliedRevision], [2, 0]);
    await fixture.deliver(deletion);
    assert.equal((await fixture.documents('media')).size, 0);
  });

  it('finds a paused work again in its continuation', async () => {
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.firestore.doc('media/p1').set({ projectId: 'p1', projectName: 'old' });
    await fixture.deliver(rename, 0);
    const [continuation] = fixture.events.messages;
    assert.ok(continuation);
    const record = await fixture.record('p1');
    assert.deepEqual(record.attempts, {});
    await fixture.deliverMessage(continuation);
    assert.equal(await media('p1'), 'new');
    assert.deepEqual((await fixture.record('p1')).attempts, {});
  });
});

describe('a reconciliation with a grace period', () => {
  it('does not extend it to a deletion that it learns of while it is at work', async () => {
    const fixture = await startSyncFixture();
    try {
      await fixture.firestore.doc('media/p1').set({ projectId: 'p1' });
      const { truth } = fixture.dependencies;
      let isFirst = true;
      const worker = fixture.worker2({
        truth: {
          async ask(projectIds) {
            if (isFirst) {
              isFirst = false;
              await assert.rejects(fixture.deliver(event('ProjectDeleted', 'p1')), ProjectBusyError);
            }
            return truth.ask(projectIds);
          },
        },
      });
      const signal = new AbortController().signal;
      const deadline = fixture.clock.now() + 60_000;
      await worker.apply(event('ProjectDeleted', 'p1', {}, 1), { deadline, signal, force: true, createdBefore: 1 });
      assert.equal((await fixture.documents('media')).size, 0);
    } finally {
      await fixture.close();
    }
  });
});

// Found by chaos runs: a reconciliation that had stalled and was given up left the record of a settled project
// unsettled, with no message to settle it.
describe('a reconciliation of a project that is settled on record', () => {
  let fixture: SyncFixture;
  let deletion: ProjectEvent;
  beforeEach(async () => {
    fixture = await startSyncFixture();
    deletion = event('ProjectDeleted', 'p1');
    await fixture.deliver(deletion);
    // Written late, by a client that did not know of the deletion.
    await fixture.firestore.doc('media/late').set({ projectId: 'p1' });
  });
  afterEach(() => fixture.close());

  const forced = (budgetMs: number) => ({
    deadline: fixture.clock.now() + budgetMs,
    signal: new AbortController().signal,
    force: true,
  });

  async function seedAssets(prefix: string, count: number): Promise<void> {
    const writer = fixture.firestore.bulkWriter({ throttling: false });
    for (let each = 0; each < count; each += 1) {
      void writer.set(fixture.firestore.doc(`media/${prefix}-${each}`), { projectId: 'p1' });
    }
    await writer.close();
  }

  it('leaves the record settled when it fails, and its redelivery a duplicate', async () => {
    const failing = fixture.worker2({ truth: { ask: () => Promise.reject(new Error('given up')) } });
    await assert.rejects(failing.apply(deletion, forced(60_000)), AttemptFailedError);
    const { revision, appliedRevision, lease } = await fixture.record('p1');
    assert.deepEqual({ revision, lease }, { revision: appliedRevision, lease: null });
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    assert.deepEqual(await fixture.worker.apply(deletion, budget), { kind: 'duplicate' });
  });

  it('scans everything the next time, wherever it has got to', async () => {
    const failing = fixture.worker2({ truth: { ask: () => Promise.reject(new Error('given up')) } });
    await assert.rejects(failing.apply(deletion, forced(60_000)), AttemptFailedError);
    assert.deepEqual(await fixture.worker.apply(deletion, forced(60_000)), { kind: 'applied', processed: 1 });
    assert.equal((await fixture.documents('media')).size, 0);
  });

  it('scans everything the next time, also where one has failed half way', async () => {
    await seedAssets('b', assetsPerPage + 1);
    const left = () => fixture.documents('media').then(({ size }) => size);
    let pages = 0;
    const failing = fixture.worker2({
      throttle: oneAtATime(() => {
        pages += 1;
        // The page over all collections went well; the next one meets it, and so does the display of the job.
        if (pages === 1) fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } }, 2);
      }),
    });
    await assert.rejects(failing.apply(deletion, forced(60_000)), AttemptFailedError);
    assert.ok((await left()) > 0);
    // Before all that is left.
    await seedAssets('a', 1);
    assert.equal((await fixture.worker.apply(deletion, forced(60_000))).kind, 'applied');
    assert.equal(await left(), 0);
  });

  it('goes on in a continuation when its time is used up', async () => {
    assert.equal((await fixture.worker.apply(deletion, forced(0))).kind, 'continued');
    const [continuation] = fixture.events.messages;
    assert.ok(continuation);
    await fixture.deliverMessage(continuation);
    assert.equal((await fixture.documents('media')).size, 0);
    const { revision, appliedRevision } = await fixture.record('p1');
    assert.equal(appliedRevision, revision);
  });

  it('is finished by the next one when its continuation could not be published, and by a late delivery of it', async () => {
    fixture.events.failures.push(new Error('Pub/Sub is unavailable'));
    await assert.rejects(fixture.worker.apply(deletion, forced(0)), AttemptFailedError);
    assert.equal((await fixture.documents('media')).size, 1);
    assert.deepEqual(await fixture.worker.apply(deletion, forced(60_000)), { kind: 'applied', processed: 1 });
    await fixture.deliver(deletion);
    const { revision, appliedRevision, lease } = await fixture.record('p1');
    assert.deepEqual({ revision, lease }, { revision: appliedRevision, lease: null });
  });
});
