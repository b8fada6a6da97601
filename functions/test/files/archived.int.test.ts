// Files of archived assets. Attacks: "they stay until their retention ends, and come back with a restore", in one
// transaction with the page that holds the asset.
import assert from 'node:assert/strict';
import { createIndexArchive } from '../../src/archive/indexPages.ts';
import { type ArchiveJob, archiveJobRef, parseArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import { purge } from '../../src/archive/purge.ts';
import { restore } from '../../src/archive/restore/restore.ts';
import { sweep } from '../../src/archive/retention/sweep.ts';
import { dayMs, minuteMs } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { completeIndex } from '../../src/files/completeIndex.ts';
import { writeReferences, writeRemoval } from '../../src/files/fileRecords.ts';
import { indexAsset } from '../../src/files/indexAsset.ts';
import { removeDueFiles } from '../../src/files/removeDueFiles.ts';
import { createTransact } from '../../src/operations/transact.ts';
import { BucketError } from '../../src/storage/bucket.ts';
import { archive, archivedAt, asked } from '../archive/archived.ts';
import { type ColdBucket, startColdBucket } from '../archive/coldBucket.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { type FakeBucket, fakeBucket } from './fakeBucket.ts';
import { settings } from './files.fixture.ts';

const config = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name'] },
  collections: [{ path: 'media', projectId: 'projectId', files: ['image'], onDelete: 'archive' }],
});

describe('files of archived assets', () => {
  let fixture: SyncFixture;
  let bucket: FakeBucket;
  let cold: ColdBucket;

  beforeEach(async () => {
    fixture = await startSyncFixture({ config });
    cold = await startColdBucket();
    bucket = fakeBucket();
    for (let at = 0; at < 50; at += 1) fixture.alive.set(`alive-${at}`, {});
    for (const name of ['a', 'b']) {
      await fixture.firestore.doc(`media/${name}`).set({ projectId: 'p1', image: `media/${name}.png` });
      bucket.upload(`media/${name}.png`);
      await indexAsset(dependencies(), `media/${name}`);
    }
    await deleteProject();
    for (const name of ['a', 'b']) await indexAsset(dependencies(), `media/${name}`);
  });
  afterEach(async () => {
    await fixture.close();
    await cold.close();
  });

  function dependencies() {
    const shared = { ...fixture.dependencies, settings, bucket };
    return { ...shared, indexArchive: createIndexArchive({ ...shared, cold: async () => cold.bucket }) };
  }
  const budget = () => ({ deadline: fixture.clock.now() + 10 * minuteMs, signal: new AbortController().signal });
  const deleteProject = () => fixture.worker2({ files: settings }).apply(event('ProjectDeleted', 'p1'), budget());

  /** Who names what: archived, or living. */
  async function named(kind: 'archive' | 'asset'): Promise<string[]> {
    const { docs } = await fixture.firestore.collection('syncFiles').where('kind', '==', kind).get();
    return docs.flatMap((document): string[] => document.get('names')).sort();
  }

  async function remove(graceMs = settings.graceMs): Promise<string[]> {
    for (let round = 0; round < 2; round += 1) {
      fixture.clock.advance(graceMs);
      await removeDueFiles(dependencies(), budget());
    }
    return bucket.names();
  }

  async function run(job: ArchiveJob): Promise<void> {
    const { firestore, clock, log, events } = fixture;
    const { truth } = fixture.dependencies;
    const shared = { firestore, clock, log, cold: null, files: settings };
    if (job.type === 'restore')
      assert.equal(await restore({ ...shared, config, truth, events }, job, budget()), 'done');
    else {
      const actor = { name: 'olga', role: 'operator', via: 'terminal' } as const;
      const publisherTo = async () => events;
      const transact = createTransact({ firestore, clock, publisherTo }, { actor, action: 'purge', reason: 'erasure' });
      assert.equal(await purge({ ...shared, transact }, job, budget()), 'done');
    }
    const after = parseArchiveJob(job.id, (await archiveJobRef(firestore, job.id).get()).data());
    assert.equal(after.status, 'done', after.errors.join('\n'));
  }

  it('stay until the retention ends, and go then', async () => {
    const { firestore, clock, log } = fixture;
    assert.deepEqual(await named('archive'), ['media/a.png', 'media/b.png']);
    assert.deepEqual(await remove(), ['media/a.png', 'media/b.png']);
    clock.advance(31 * dayMs);
    await sweep({ firestore, clock, log, cold: null, coldAfterMs: 0, files: settings }, budget());
    assert.deepEqual(await named('archive'), []);
    assert.deepEqual(await remove(), []);
  });

  it('go also where their retention has ended while no files were configured', async () => {
    const { firestore, clock, log } = fixture;
    await completeIndex(dependencies(), budget());
    assert.deepEqual(await remove(), ['media/a.png', 'media/b.png']);
    clock.advance(31 * dayMs);
    await sweep({ firestore, clock, log, cold: null, coldAfterMs: 0 }, budget());
    assert.equal((await firestore.collection('syncArchive').get()).size, 0);
    await remove();
    assert.deepEqual(await remove(), []);
    assert.deepEqual(await named('archive'), []);
  });

  it('of another bucket by now are none of that one, also before the walk has come to their page', async () => {
    const { firestore, clock, log } = fixture;
    const files = { ...settings, place: { ...settings.place, bucket: 'other' } };
    const other = fakeBucket();
    // Nobody's: an asset of the old bucket has named one of the same name.
    other.upload('media/a.png');
    clock.advance(31 * dayMs);
    await sweep({ firestore, clock, log, cold: null, coldAfterMs: 0, files }, budget());
    assert.deepEqual(await named('archive'), []);
    for (let round = 0; round < 3; round += 1) {
      clock.advance(settings.graceMs);
      await removeDueFiles({ ...dependencies(), settings: files, bucket: other }, budget());
    }
    const removals = await firestore.collection('syncFiles').where('kind', '==', 'removal').get();
    assert.equal(removals.size, 0);
    assert.deepEqual(other.names(), ['media/a.png']);
  });

  it('are their assets’ again after a restore, and go with them', async () => {
    fixture.alive.set('p1', { name: 'back' });
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'back' }));
    await run(await asked(fixture.firestore, fixture.clock.now()));
    assert.deepEqual([await named('archive'), await named('asset')], [[], ['media/a.png', 'media/b.png']]);
    assert.deepEqual(await remove(), ['media/a.png', 'media/b.png']);
  });

  it('of which one asset stays in the archive are kept by it', async () => {
    const { firestore } = fixture;
    fixture.alive.set('p1', { name: 'back' });
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'back' }));
    await firestore.doc('media/b').set({ projectId: 'p2', image: null });
    const job = await asked(firestore, fixture.clock.now());
    const { clock, log, events } = fixture;
    const { truth } = fixture.dependencies;
    await restore({ firestore, clock, log, cold: null, files: settings, config, truth, events }, job, budget());
    assert.deepEqual([await named('archive'), await named('asset')], [['media/b.png'], ['media/a.png']]);
  });

  it('go with a purge, however many they are', async () => {
    const { firestore, clock } = fixture;
    for (let page = 0; page < 12; page += 1) {
      await archive(firestore, { collection: 'media', documents: { [`media/p${page}`]: { projectId: 'p1' } } });
    }
    const { docs } = await firestore.collection('syncArchive').get();
    // 1 MB of names for each page.
    const name = (page: number, at: number) => `media/${page}/${String(at).padStart(110, '0')}`;
    for (const [page, { id }] of docs.entries()) {
      const names = Array.from({ length: 8_000 }, (_, at) => name(page, at));
      await firestore.runTransaction(async (transaction) => {
        writeReferences(firestore, transaction, { kind: 'archive', id }, [], names);
      });
    }
    await run(await asked(firestore, clock.now(), { type: 'purge' }));
    assert.deepEqual(await named('archive'), []);
    assert.equal((await firestore.collection('syncArchive').get()).size, 0);
  });

  describe('which were archived before files were configured', () => {
    beforeEach(async () => {
      const old = { 'media/old': { projectId: 'p1', image: 'media/old.png' } };
      await archive(fixture.firestore, { collection: 'media', documents: old });
      bucket.upload('media/old.png');
    });

    it('are known by the walk, wherever their page lies, and stay until its retention ends', async () => {
      const { firestore, clock, log } = fixture;
      const [retention, coldAfterMs] = [{ firestore, clock, log, files: settings }, dayMs];
      clock.advance(archivedAt + 2 * dayMs - clock.now());
      await sweep({ ...retention, cold: async () => cold.bucket, coldAfterMs }, budget());
      assert.notDeepEqual(await cold.names(), []);
      const unnamed = createIndexArchive({ ...dependencies(), cold: null });
      await assert.rejects(unnamed(null), /lies in cold storage, and ARCHIVE_BUCKET is empty/);
      // Another asset named it, or it was taken for one that nobody names.
      await firestore.runTransaction(async (transaction) => {
        const times = { deletedAt: clock.now(), dueAt: clock.now() };
        writeRemoval(firestore, transaction, { projectId: null, bucket: null, files: ['media/old.png'], ...times });
      });
      assert.deepEqual(await remove(), ['media/a.png', 'media/b.png', 'media/old.png']);
      assert.deepEqual(await named('archive'), ['media/a.png', 'media/b.png', 'media/old.png']);
      clock.advance(31 * dayMs);
      await sweep({ ...retention, cold: async () => cold.bucket, coldAfterMs }, budget());
      assert.deepEqual(await remove(), []);
    });

    it('stay with all others while Cloud Storage refuses to read their page, which an alarm names', async () => {
      const { firestore, clock, log } = fixture;
      clock.advance(archivedAt + 2 * dayMs - clock.now());
      const retention = { firestore, clock, log, files: settings, cold: async () => cold.bucket, coldAfterMs: dayMs };
      await sweep(retention, budget());
      const pages = await firestore.collection('syncArchive').where('first', '==', 'media/old').get();
      const read = async (name: string) => {
        if (!name.includes(pages.docs[0]?.id ?? '')) return cold.bucket.read(name);
        throw new BucketError('reading it', Object.assign(new Error('no access'), { code: 403 }));
      };
      const indexArchive = createIndexArchive({ ...dependencies(), cold: async () => ({ ...cold.bucket, read }) });
      const times = { deletedAt: clock.now(), dueAt: clock.now() };
      await firestore.runTransaction(async (transaction) => {
        writeRemoval(firestore, transaction, { projectId: null, bucket: null, files: ['media/old.png'], ...times });
      });
      await removeDueFiles({ ...dependencies(), indexArchive }, budget());
      clock.advance(settings.graceMs);
      await assert.rejects(removeDueFiles({ ...dependencies(), indexArchive }, budget()), /no access/);
      assert.ok(bucket.names().includes('media/old.png'));
      assert.deepEqual(fixture.log.alarms(), ['files-refused']);
      assert.match(JSON.stringify(fixture.log.lines), new RegExp(`"record":"${pages.docs[0]?.ref.path}"`));
      // Access is given back.
      assert.deepEqual(await remove(), ['media/a.png', 'media/b.png', 'media/old.png']);
      assert.deepEqual(await named('archive'), ['media/a.png', 'media/b.png', 'media/old.png']);
    });

    it('are not known of a page that is purged while the walk reads it', async () => {
      const { firestore, clock, log } = fixture;
      clock.advance(archivedAt + 2 * dayMs - clock.now());
      await sweep(
        { firestore, clock, log, files: settings, cold: async () => cold.bucket, coldAfterMs: dayMs },
        budget(),
      );
      let purges = 0;
      const read = async (name: string) => {
        const data = await cold.bucket.read(name);
        purges += 1;
        await firestore.recursiveDelete(firestore.collection('syncArchive'));
        await firestore.recursiveDelete(firestore.collection('syncFiles'));
        return data;
      };
      const walk = createIndexArchive({ ...dependencies(), cold: async () => ({ ...cold.bucket, read }) });
      await walk(null);
      assert.equal(purges, 1);
      assert.deepEqual(await named('archive'), []);
    });
  });

  it('go with a purge, without a grace time', async () => {
    await run(await asked(fixture.firestore, fixture.clock.now(), { type: 'purge' }));
    assert.deepEqual(await named('archive'), []);
    // The first look at this configuration waits for its deployment.
    await removeDueFiles(dependencies(), budget());
    fixture.clock.advance(settings.graceMs);
    await removeDueFiles(dependencies(), budget());
    assert.deepEqual(bucket.names(), []);
  });
});
