// Several at one page of the archive: attacks I13 between the moment at which a page is read and the transaction that
// works on it. On real clients, a local Firestore and a local Cloud Storage, whose reads let another worker in between.
import assert from 'node:assert/strict';
import { type ArchiveJob, archiveJobRef, parseArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import { purge } from '../../src/archive/purge.ts';
import { type RestoreDependencies, restore } from '../../src/archive/restore/restore.ts';
import { type SweepDependencies, sweep } from '../../src/archive/retention/sweep.ts';
import { dayMs } from '../../src/clock.ts';
import { createTransact } from '../../src/operations/transact.ts';
import type { Bucket } from '../../src/storage/bucket.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { archive, archivedAt, asked, pathsInArchive } from './archived.ts';
import { type ColdBucket, startColdBucket } from './coldBucket.ts';

describe('several at one page of the archive', function () {
  this.timeout(30_000);
  let fixture: SyncFixture;
  let cold: ColdBucket;

  beforeEach(async () => {
    fixture = await startSyncFixture();
    cold = await startColdBucket();
    fixture.alive.set('p1', { name: 'New' });
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'New' }));
    fixture.clock.advance(archivedAt + 11 * dayMs - fixture.clock.now());
  });
  afterEach(async () => {
    await fixture.close();
    await cold.close();
  });

  const budget = (signal = new AbortController().signal) => ({ deadline: fixture.clock.now() + 60_000, signal });
  const documentsOf = (...names: string[]) =>
    Object.fromEntries(names.map((name) => [`media/${name}`, { projectId: 'p1', projectName: 'Old' }]));
  const inTheWay = (name: string) => fixture.firestore.doc(`media/${name}`).set({ inTheWay: true });
  const inArchive = () => pathsInArchive(fixture.firestore, async () => cold.bucket);
  const living = async () => [...(await fixture.documents('media')).keys()].sort();
  const newJob = () => asked(fixture.firestore, fixture.clock.now());
  const stored = async ({ id }: ArchiveJob) =>
    parseArchiveJob(id, (await archiveJobRef(fixture.firestore, id).get()).data());

  function sweepWith(bucket: Bucket) {
    const { firestore, clock, log } = fixture;
    const dependencies: SweepDependencies = {
      firestore,
      clock,
      log,
      cold: async () => bucket,
      coldAfterMs: 10 * dayMs,
    };
    return sweep(dependencies, budget());
  }
  function restoreWith(job: ArchiveJob, change: Partial<RestoreDependencies> = {}, signal?: AbortSignal) {
    const { firestore, clock, events, log, dependencies: own } = fixture;
    const from = { firestore, clock, events, log, config: own.config, truth: own.truth };
    return restore({ ...from, cold: async () => cold.bucket, ...change }, job, budget(signal));
  }
  /** A bucket whose first call of a kind has something else happen first. */
  function interrupted(kind: 'beforeRead' | 'read' | 'saveIfAbsent', meanwhile: () => Promise<unknown>): Bucket {
    let isFirst = true;
    const once = async () => {
      if (!isFirst) return;
      isFirst = false;
      await meanwhile();
    };
    if (kind === 'beforeRead') return { ...cold.bucket, read: (name) => once().then(() => cold.bucket.read(name)) };
    return {
      ...cold.bucket,
      ...(kind === 'read'
        ? { read: (name) => cold.bucket.read(name).then(async (data) => once().then(() => data)) }
        : { saveIfAbsent: (name, data) => once().then(() => cold.bucket.saveIfAbsent(name, data)) }),
    };
  }

  it('archives nothing again that another job has restored from the page meanwhile', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: documentsOf('a', 'b', 'c') });
    await sweepWith(cold.bucket);
    await inTheWay('b');
    await inTheWay('c');
    const [job, other] = [await newJob(), await newJob()];
    // What the other one leaves can be restored then, and has the page written anew.
    const meanwhile = async () => {
      await restoreWith(other);
      await fixture.firestore.doc('media/c').delete();
    };
    await restoreWith(job, { cold: async () => interrupted('read', meanwhile) });
    assert.deepEqual([await living(), await inArchive()], [['media/a', 'media/b', 'media/c'], ['media/b']]);
    assert.deepEqual([(await stored(other)).processed, (await stored(job)).processed], [1, 1]);
  });

  it('takes no page for damaged that another job has restored in part before its object was read', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: documentsOf('a', 'b') });
    await sweepWith(cold.bucket);
    await inTheWay('b');
    const [job, other] = [await newJob(), await newJob()];
    const meanwhile = async () => {
      await restoreWith(other);
      await fixture.firestore.doc('media/b').delete();
    };
    await restoreWith(job, { cold: async () => interrupted('beforeRead', meanwhile) });
    const { processed, errors } = await stored(job);
    assert.deepEqual([processed, errors], [1, []]);
    assert.deepEqual([await living(), await inArchive()], [['media/a', 'media/b'], []]);
  });

  it('counts a page once that two workers of one job have read', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: documentsOf('a') });
    await archive(fixture.firestore, { collection: 'media', documents: documentsOf('b') });
    await sweepWith(cold.bucket);
    await inTheWay('a');
    await inTheWay('b');
    const job = await newJob();
    const stopping = new AbortController();
    const { truth } = fixture.dependencies;
    // Ends after its first page.
    const stopped = {
      ask: (ids: readonly string[]) => truth.ask(ids).finally(() => stopping.abort()),
    };
    const meanwhile = () => restoreWith(job, { truth: stopped }, stopping.signal);
    await restoreWith(job, { cold: async () => interrupted('read', meanwhile) });
    const { status, conflicts, errors } = await stored(job);
    assert.deepEqual([status, conflicts, errors.length], ['done', 2, 2]);
    assert.deepEqual(await inArchive(), ['media/a', 'media/b']);
  });

  it('moves nothing to cold storage that is another page by then', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: documentsOf('a', 'b') });
    await inTheWay('b');
    const job = await newJob();
    await sweepWith(interrupted('saveIfAbsent', () => restoreWith(job)));
    assert.deepEqual([await living(), await inArchive()], [['media/a', 'media/b'], ['media/b']]);
    assert.equal((await stored(job)).processed, 1);
    assert.deepEqual(await cold.names(), []);
  });

  it('leaves nothing in cold storage of what was purged while it moved there', async () => {
    const { firestore, clock, log, events } = fixture;
    await archive(firestore, { collection: 'media', documents: documentsOf('a') });
    const job = await asked(firestore, clock.now(), { type: 'purge' });
    const actor = { name: 'olga', role: 'operator', via: 'terminal' } as const;
    const by = { actor, action: 'purge', reason: 'erasure' };
    const transact = createTransact({ firestore, clock, publisherTo: async () => events }, by);
    await sweepWith(
      interrupted('saveIfAbsent', () =>
        purge({ firestore, clock, log, transact, cold: async () => cold.bucket }, job, budget()),
      ),
    );
    assert.equal((await stored(job)).status, 'done');
    assert.deepEqual([await inArchive(), await cold.names()], [[], []]);
  });
});
