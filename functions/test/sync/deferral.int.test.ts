// Attacks I1: an event may be left to another worker only if that worker's own work comes back after its death.
import assert from 'node:assert/strict';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { ProjectBusyError } from '../../src/sync/errors.ts';
import { event, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

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

  it('is not left to a reconciliation, which nothing brings back', async () => {
    await fixture.firestore.doc('media/p1').set({ projectId: 'p1', projectName: 'old' });
    await dieAt(event('ProjectDeleted', 'p1'), true);
    const revived = event('ProjectCreated', 'p1', { name: 'new' });
    await assert.rejects(fixture.deliver(revived), ProjectBusyError);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await fixture.deliver(revived);
    assert.equal(await media('p1'), 'new');
  });

  it('is not left to a duplicate of an event that was acknowledged when it was left to another worker', async () => {
    await fixture.firestore.doc('media/p1').set({ projectId: 'p1', projectName: 'old' });
    const first = event('ProjectDeleted', 'p1');
    const second = event('ProjectDeleted', 'p1');
    await dieAt(first, false);
    await fixture.deliver(second); // Acknowledged: the redelivery of the first one carries it out.
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await dieAt(second, false); // The late duplicate.
    await assert.rejects(fixture.deliver(first), ProjectBusyError);
    fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
    await fixture.deliver(first);
    assert.equal((await fixture.documents('media')).size, 0);
  });

  it('is left to the continuation of a long work', async () => {
    const rename = event('ProjectUpdated', 'p1', { name: 'new' });
    await fixture.firestore.doc('media/p1').set({ projectId: 'p1', projectName: 'old' });
    await fixture.deliver(rename, 0);
    const [continuation] = fixture.events.messages;
    assert.ok(continuation);
    const record = await fixture.record('p1');
    assert.deepEqual(record.attempts[rename.id], { count: 0, lastError: null });
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
