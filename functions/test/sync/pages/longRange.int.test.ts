import assert from 'node:assert/strict';
import { assetsPerPage } from '../../../src/sync/pages/pageSize.ts';
import { createThrottle } from '../../../src/sync/pages/throttle.ts';
import { event, type SyncFixture, startSyncFixture } from '../worker.fixture.ts';

describe('a range that is longer than a page', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  async function seed(collection: string, count: number): Promise<void> {
    const writer = fixture.firestore.bulkWriter({ throttling: false });
    for (let each = 0; each < count; each += 1) {
      void writer.set(fixture.firestore.collection(collection).doc(), { projectId: 'p1' });
    }
    await writer.close();
  }

  /** Deletes the project; returns how many pages were in flight, all in all and at most at once. */
  async function pagesOfDeletion(): Promise<{ readonly pages: number; readonly atOnce: number }> {
    const throttle = createThrottle();
    let [pages, inFlight, atOnce] = [0, 0, 0];
    const worker = fixture.worker2({
      throttle: {
        ...throttle,
        async enter() {
          await throttle.enter();
          pages += 1;
          inFlight += 1;
          atOnce = Math.max(atOnce, inFlight);
        },
        leave() {
          inFlight -= 1;
          throttle.leave();
        },
      },
    });
    const budget = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    assert.equal((await worker.apply(event('ProjectDeleted', 'p1'), budget)).kind, 'applied');
    assert.equal((await fixture.documents('media')).size, 0);
    return { pages, atOnce };
  }

  it('is cut at once into as many parts as it has pages', async () => {
    await seed('media', assetsPerPage * 5);
    const { pages, atOnce } = await pagesOfDeletion();
    assert.ok(atOnce >= 5, `${atOnce} pages at once`);
    assert.ok(pages <= 9, `${pages} pages`);
  });

  it('is cut into no more parts than it has pages, also where the page before had other collections', async () => {
    await seed('storyboards', 5);
    await seed('analyses', 450);
    await seed('media', assetsPerPage * 0.6);
    const { pages } = await pagesOfDeletion();
    assert.equal(pages, 2);
  });
});
