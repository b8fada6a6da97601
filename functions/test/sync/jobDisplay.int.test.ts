// What people see of work under way: attacks "a worker that has lost its project shows work that another one has
// ended".
import assert from 'node:assert/strict';
import { projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { syncJobRef } from '../../src/records/syncJob.ts';
import { createJobDisplay, shortMs } from '../../src/sync/jobDisplay.ts';
import { event, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('work under way is shown', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  const rename = event('ProjectUpdated', 'p1', { name: 'new' });
  const jobOf = async () => (await syncJobRef(fixture.firestore, rename.id).get()).get('status');

  /** A worker is at the project, and shows how far it is, in the name of `holder`. */
  async function showAs(holder: string): Promise<void> {
    const lease = (by: string) => ({ holder: by, eventId: rename.id, expiresAt: fixture.clock.now() + 60_000 });
    const record = await fixture.record('p1');
    await projectRecordRef(fixture.firestore, 'p1').set(projectRecordData({ ...record, lease: lease('at work') }));
    const work = { event: rename, lease: lease(holder), startedAt: fixture.clock.now() };
    const display = createJobDisplay(
      fixture.dependencies,
      () => work,
      async () => 10,
      null,
    );
    fixture.clock.advance(shortMs);
    display.note({ processed: 1, scanned: 5 });
    await display.settled();
  }

  it('by the one who is at it', async () => {
    await showAs('at work');
    assert.equal(await jobOf(), 'running');
  });

  it('not by one who has lost the project meanwhile: the end that the other one writes stays', async () => {
    await showAs('stalled');
    assert.equal(await jobOf(), undefined);
  });
});
