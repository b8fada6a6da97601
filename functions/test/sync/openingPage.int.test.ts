// The page that all collections share, where it does not take everything. Attacks I1.
import assert from 'node:assert/strict';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { until } from '../support/until.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('the first page of a project', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  async function seedMedia(count: number): Promise<void> {
    const writer = fixture.firestore.bulkWriter({ throttling: false });
    for (let index = 0; index < count; index += 1) {
      void writer.set(fixture.firestore.doc(`media/${String(index).padStart(5, '0')}`), { projectId: 'p1' });
    }
    await writer.close();
  }

  it('has what lies behind it begun before it is committed', async () => {
    await seedMedia(assetsPerPage * 2);
    const throttle = createThrottle();
    const { truth } = fixture.dependencies;
    let begun = 0;
    let asked = 0;
    const worker = fixture.worker2({
      throttle: {
        ...throttle,
        enter() {
          begun += 1;
          return throttle.enter();
        },
      },
      truth: {
        async ask(projectIds) {
          asked += 1;
          // The first question comes before any page, the second from the first page, once it has read.
          if (asked > 1) await until(async () => begun > 1);
          return truth.ask(projectIds);
        },
      },
    });
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    const outcome = await worker.apply(event('ProjectDeleted', 'p1'), budget);
    assert.deepEqual(outcome, { kind: 'applied', processed: assetsPerPage * 2 });
  });

  it('does not complete the work when it is retried, and its own part is less than a page by then (I1)', async () => {
    const count = assetsPerPage * 3;
    await seedMedia(count);
    // The first commit is the claim's.
    fixture.server.faults.inject('Commit', {});
    fixture.server.faults.inject('Commit', { error: { code: 'ABORTED' } });
    const { clock, firestore } = fixture;
    const worker = fixture.worker2({
      throttle: oneAtATime(),
      clock: {
        now: clock.now,
        after(ms, run) {
          // No pause before a second try is that long.
          if (ms > 100) return clock.after(ms, run);
          const removed = firestore.doc('media/00000').delete();
          return clock.after(ms, () => void removed.then(run));
        },
      },
    });
    const budget = { deadline: clock.now() + 60_000, signal: new AbortController().signal };
    const outcome = await worker.apply(event('ProjectDeleted', 'p1'), budget);
    assert.deepEqual(outcome, { kind: 'applied', processed: count - 1 });
    assert.equal((await fixture.documents('media')).size, 0);
    const record = await fixture.record('p1');
    assert.equal(record.appliedRevision, record.revision);
  });
});
