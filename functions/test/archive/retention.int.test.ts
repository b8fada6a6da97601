// The end of retention, and cold storage: attacks I13 while pages move (object first, then the page's data), and "what
// is at its end goes with its object". On real clients, a local Firestore and a local Cloud Storage.
import assert from 'node:assert/strict';
import { archiveJobRef, parseArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import { restore } from '../../src/archive/restore/restore.ts';
import { isSweepDue, type SweepDependencies, sweep } from '../../src/archive/retention/sweep.ts';
import { dayMs } from '../../src/clock.ts';
import { type Bucket, BucketError } from '../../src/storage/bucket.ts';
import { settings } from '../files/files.fixture.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { archive, archivedAt, asked, pathsInArchive, recordsInArchive } from './archived.ts';
import { type ColdBucket, startColdBucket } from './coldBucket.ts';

const coldAfterMs = 10 * dayMs;

/** Calls of Firestore and of Cloud Storage that a sweep can die at. */
const deaths = ['Commit', 'storage.objects.create', 'storage.objects.get', 'storage.objects.delete'] as const;

describe('the retention of the archive', function () {
  this.timeout(60_000);
  let fixture: SyncFixture;
  let cold: ColdBucket;
  let dependencies: SweepDependencies;

  async function start(): Promise<void> {
    fixture = await startSyncFixture();
    cold = await startColdBucket();
    const { firestore, clock, log } = fixture;
    dependencies = { firestore, clock, log, cold: async () => cold.bucket, coldAfterMs };
  }
  async function stop(): Promise<void> {
    await fixture.close();
    await cold.close();
  }
  beforeEach(start);
  afterEach(stop);

  const budget = () => ({ deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal });
  const run = (change: Partial<SweepDependencies> = {}) => sweep({ ...dependencies, ...change }, budget());
  const daysLater = (days: number) => fixture.clock.advance(archivedAt + days * dayMs - fixture.clock.now());
  const media = (name: string) => ({ [`media/${name}`]: { projectId: 'p1', name } });

  async function restoreAll() {
    const { firestore, clock, events, log, dependencies: own } = fixture;
    fixture.alive.set('p1', { name: 'New' });
    await fixture.deliver(event('ProjectCreated', 'p1', { name: 'New' }));
    const job = await asked(firestore, clock.now());
    const from = { firestore, clock, events, log, config: own.config, truth: own.truth };
    await restore({ ...from, cold: async () => cold.bucket }, job, budget());
    return parseArchiveJob(job.id, (await archiveJobRef(firestore, job.id).get()).data());
  }

  it('costs one read where nothing is due, and one more with cold storage', async () => {
    const usage = fixture.server.meter;
    usage.reset();
    assert.equal(await isSweepDue({ ...dependencies, cold: null }), false);
    assert.equal(usage.snapshot().reads, 1);
    assert.equal(await isSweepDue(dependencies), false);
    assert.equal(usage.snapshot().reads, 3);
    await archive(fixture.firestore, { collection: 'media', documents: media('a') });
    daysLater(9);
    assert.equal(await isSweepDue(dependencies), false);
    daysLater(11);
    assert.equal(await isSweepDue(dependencies), true);
    assert.equal(await isSweepDue({ ...dependencies, cold: null }), false);
    daysLater(31);
    assert.equal(await isSweepDue({ ...dependencies, cold: null }), true);
  });

  it('moves what is old to the bucket, where a restore finds it; then the object goes, too', async () => {
    for (let index = 0; index < 12; index += 1) {
      await archive(fixture.firestore, { collection: 'media', documents: media(`m${index}`) });
    }
    daysLater(9);
    await run();
    assert.deepEqual(await cold.names(), []);
    daysLater(11);
    assert.equal(await run(), 'done');
    const records = await recordsInArchive(fixture.firestore);
    assert.equal(records.length, 12);
    for (const { ref, data, object, checksum, count, first } of records) {
      assert.deepEqual([data, object, count], [null, `p1/${ref.id}/${checksum}`, 1]);
      assert.match(first, /^media\//);
    }
    assert.equal((await cold.names()).length, 12);
    await run();
    const job = await restoreAll();
    assert.deepEqual([job.status, job.processed, job.errors], ['done', 12, []]);
    assert.deepEqual([...(await fixture.documents('media')).values()].map(({ projectName }) => projectName)[0], 'New');
    assert.deepEqual([await recordsInArchive(fixture.firestore), await cold.names()], [[], []]);
  });

  it('moves an asset in several parts, and what stays after a restore comes back to Firestore', async () => {
    const body = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7_919) % 251));
    const large = { 'media/large': { projectId: 'p1', body } };
    await archive(fixture.firestore, { collection: 'media', documents: large, limit: 500 });
    await archive(fixture.firestore, { collection: 'media', documents: { ...media('a'), ...media('b') } });
    daysLater(11);
    await run();
    await fixture.firestore.doc('media/b').set({ inTheWay: true });
    const job = await restoreAll();
    assert.deepEqual([job.processed, job.conflicts], [2, 1]);
    assert.deepEqual((await fixture.documents('media')).get('media/large')?.body, body);
    const [left, ...others] = await recordsInArchive(fixture.firestore);
    assert.deepEqual([left?.documents, left?.object, others.length], [['media/b'], null, 0]);
    assert.deepEqual(await cold.names(), []);
    await run();
    assert.equal((await cold.names()).length, 1);
    assert.deepEqual(await pathsInArchive(fixture.firestore, async () => cold.bucket), ['media/b']);
  });

  it('restores nothing of a page whose object is missing or another, and says so', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media('missing') });
    await archive(fixture.firestore, { collection: 'media', documents: media('changed') });
    await archive(fixture.firestore, { collection: 'media', documents: media('right') });
    daysLater(11);
    await run();
    for (const { first, object } of await recordsInArchive(fixture.firestore)) {
      if (object === null || first === 'media/right') continue;
      await cold.bucket.delete(object);
      if (first === 'media/changed') await cold.bucket.saveIfAbsent(object, Buffer.from('something else'));
    }
    const job = await restoreAll();
    assert.deepEqual([job.status, job.processed, job.conflicts], ['done', 1, 2]);
    assert.match(job.errors.join(), /there is no object p1\/.* in bucket cold/);
    assert.match(job.errors.join(), /its bytes cannot be decompressed/);
    assert.equal((await recordsInArchive(fixture.firestore)).length, 2);
  });

  it('removes what is at its end with its object, and nothing else', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media('cold') });
    daysLater(11);
    await run();
    await archive(fixture.firestore, { collection: 'media', documents: media('hot') });
    const later = { expireAt: archivedAt + 90 * dayMs };
    await archive(fixture.firestore, { collection: 'media', documents: media('later'), ...later });
    daysLater(31);
    await assert.rejects(run({ cold: null }), /lies in cold storage as p1\/.*, and ARCHIVE_BUCKET is empty/);
    await run();
    assert.deepEqual(await pathsInArchive(fixture.firestore, async () => cold.bucket), ['media/later']);
    assert.equal((await cold.names()).length, 1);
  });

  it('goes on where the time was over, and passes over what cannot be read', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media('a') });
    await archive(fixture.firestore, { collection: 'media', documents: media('b') });
    const [first] = await recordsInArchive(fixture.firestore);
    await first?.ref.update({ version: 'damaged' });
    daysLater(31);
    const over = { deadline: fixture.clock.now(), signal: new AbortController().signal };
    assert.equal(await sweep(dependencies, over), 'continued');
    assert.equal(await run(), 'done');
    const { docs } = await fixture.firestore.collection('syncArchive').get();
    assert.deepEqual(
      docs.map(({ id }) => id),
      [first?.ref.id],
    );
    assert.match(JSON.stringify(fixture.log.lines), /a page of the archive is left where it is/);
  });

  /** The bucket, some of whose objects are held: Cloud Storage refuses to delete them. */
  const holding = (isHeld: (object: string) => boolean): Bucket => ({
    ...cold.bucket,
    async delete(object) {
      if (isHeld(object)) throw new BucketError(`deleting ${object}`, Object.assign(new Error('held'), { code: 403 }));
      return cold.bucket.delete(object);
    },
  });

  it('passes over what has files that cannot be read, or an object that is held, and says so', async () => {
    const { firestore } = fixture;
    for (const name of ['held', 'files', 'a']) {
      await archive(firestore, { collection: 'media', documents: media(name) });
    }
    daysLater(11);
    await run();
    const records = await recordsInArchive(firestore);
    const of = (path: string) => records.find(({ first }) => first === path);
    await firestore
      .collection('syncFiles')
      .add({ kind: 'archive', holder: of('media/files')?.ref.id, names: 'edited' });
    const held = holding((object) => object === of('media/held')?.object);
    daysLater(31);
    await assert.rejects(run({ files: settings, cold: async () => held }), /deleting p1\/.* failed: held/);
    const left = (await recordsInArchive(firestore)).map(({ first }) => first);
    assert.deepEqual(left.toSorted(), ['media/files', 'media/held']);
    assert.match(JSON.stringify(fixture.log.lines), /a page of the archive is left where it is.*is no record of files/);
  });

  it('passes over many whose objects are held: what is behind them goes, and what is old moves', async () => {
    const { firestore } = fixture;
    const held = holding((object) => object.startsWith('held/'));
    for (let index = 0; index < 12; index += 1) {
      await archive(firestore, { projectId: 'held', collection: 'media', documents: media(`held${index}`) });
    }
    daysLater(11);
    await run();
    const behind = { expireAt: archivedAt + 30 * dayMs + 1, documents: media('behind') };
    await archive(firestore, { collection: 'media', ...behind });
    await archive(firestore, { collection: 'media', documents: media('old'), expireAt: archivedAt + 90 * dayMs });
    daysLater(31);
    await assert.rejects(run({ cold: async () => held }), /deleting held\/.* failed: held/);
    const left = (await recordsInArchive(firestore)).filter(({ projectId }) => projectId !== 'held');
    assert.deepEqual(
      left.map(({ first, data }) => [first, data === null]),
      [['media/old', true]],
    );
    assert.equal((await recordsInArchive(firestore)).length, 13);
  });

  it('fails, and does not go on for ever, where the time is over at refusals', async () => {
    for (let index = 0; index < 11; index += 1) {
      await archive(fixture.firestore, { collection: 'media', documents: media(`m${index}`) });
    }
    daysLater(31);
    const refusing: Bucket = {
      ...cold.bucket,
      async delete(object) {
        fixture.clock.advance(10_000);
        throw new BucketError(`deleting ${object}`, Object.assign(new Error('denied'), { code: 403 }));
      },
    };
    await assert.rejects(run({ cold: async () => refusing }), /denied/);
  });

  it('asks no more of a bucket that takes nothing than a few calls', async () => {
    for (let index = 0; index < 25; index += 1) {
      await archive(fixture.firestore, { collection: 'media', documents: media(`m${index}`) });
    }
    daysLater(11);
    let calls = 0;
    const refusing: Bucket = {
      ...cold.bucket,
      async saveIfAbsent(object) {
        calls += 1;
        throw new BucketError(`saving ${object}`, Object.assign(new Error('denied'), { code: 403 }));
      },
    };
    await assert.rejects(run({ cold: async () => refusing }), /denied/);
    assert.equal(calls, 10);
  });

  it('saves an object again that is not what it has to be', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media('a') });
    const [page] = await recordsInArchive(fixture.firestore);
    const name = `p1/${page?.ref.id}/${page?.checksum}`;
    await cold.bucket.saveIfAbsent(name, Buffer.from('half of it'));
    daysLater(11);
    await run();
    assert.deepEqual(await cold.bucket.read(name), page?.data);
  });

  for (const death of deaths) {
    for (const afterEffect of [false, true]) {
      it(`killed ${afterEffect ? 'after' : 'before'} each ${death}: every asset is in the archive once until its end`, async () => {
        let met = 0;
        for (let call = 1; ; call += 1) {
          await stop();
          await start();
          await archive(fixture.firestore, { collection: 'media', documents: media('a') });
          const later = { expireAt: archivedAt + 90 * dayMs };
          await archive(fixture.firestore, { collection: 'media', documents: media('b'), ...later });
          daysLater(11);
          const faults = death === 'Commit' ? fixture.server.faults : cold.server.faults;
          const error = { code: death === 'Commit' ? 'PERMISSION_DENIED' : '403' };
          if (call > 1) faults.inject(death, {}, call - 1);
          faults.inject(death, { error, afterEffect });
          await run().catch(() => undefined);
          const wasMoving = faults.pending() === 0;
          if (wasMoving) {
            faults.clear();
            assert.deepEqual(await pathsInArchive(fixture.firestore, async () => cold.bucket), ['media/a', 'media/b']);
          }
          daysLater(31);
          await run().catch(() => undefined);
          const isMet = faults.pending() === 0;
          faults.clear();
          await run();
          const inArchive = await pathsInArchive(fixture.firestore, async () => cold.bucket);
          assert.deepEqual([inArchive, (await cold.names()).length], [['media/b'], 1], `call ${call}`);
          if (!isMet) break;
          met += 1;
        }
        assert.ok(met > 0, `${death} was never met`);
      });
    }
  }
});
