// Erasure on demand: attacks "nothing of the project is left", "what was removed is certified once" and I12. On real
// clients, a local Firestore and a local Cloud Storage.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type ArchiveJob, archiveJobRef, parseArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import type { ColdStorage } from '../../src/archive/openPage.ts';
import { purge } from '../../src/archive/purge.ts';
import { sweep } from '../../src/archive/retention/sweep.ts';
import { dayMs } from '../../src/clock.ts';
import { requestedWork } from '../../src/events/requestedWork.ts';
import { purge as purgeOperation } from '../../src/operations/archive.ts';
import { runOperation } from '../../src/operations/runOperation.ts';
import { createTransact } from '../../src/operations/transact.ts';
import { settings } from '../files/files.fixture.ts';
import { auditOf, type OperationsFixture, operator, startOperationsFixture } from '../operations/operations.fixture.ts';
import { archive, archivedAt, asked, recordsInArchive } from './archived.ts';
import { type ColdBucket, startColdBucket } from './coldBucket.ts';

describe('a purge of the archive', function () {
  this.timeout(60_000);
  let fixture: OperationsFixture;
  let cold: ColdBucket;

  async function start(): Promise<void> {
    fixture = await startOperationsFixture();
    cold = await startColdBucket();
  }
  async function stop(): Promise<void> {
    await fixture.close();
    await cold.close();
  }
  beforeEach(start);
  afterEach(stop);

  function run(job: ArchiveJob, of: { readonly cold?: ColdStorage; readonly deadline?: number } = {}) {
    const { firestore, clock, log, services } = fixture;
    const transact = createTransact(services, { actor: operator, action: 'purge', reason: 'article 17' });
    const { cold: where = async () => cold.bucket, deadline = clock.now() + 60_000 } = of;
    const signal = new AbortController().signal;
    return purge({ firestore, clock, log, transact, cold: where }, job, { deadline, signal });
  }

  /** Three documents of `p1` in two pages, one of them cold; one of `p2`, cold; and an object that no page names. */
  async function seed(): Promise<string> {
    const { firestore, clock, log } = fixture;
    const media = (projectId: string, name: string) => ({ [`media/${name}`]: { projectId } });
    await archive(firestore, { collection: 'media', documents: { ...media('p1', 'a'), ...media('p1', 'b') } });
    await archive(firestore, { projectId: 'p2', collection: 'media', documents: media('p2', 'x') });
    clock.advance(archivedAt + dayMs - clock.now());
    const budget = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };
    await sweep({ firestore, clock, log, cold: async () => cold.bucket, coldAfterMs: 0 }, budget);
    await archive(firestore, { collection: 'media', documents: media('p1', 'c') });
    await cold.bucket.saveIfAbsent('p1/unknown/checksum', Buffer.from('left behind'));
    const own = (await recordsInArchive(firestore)).filter(({ projectId }) => projectId === 'p1');
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    return own.reduce((before, { documents }) => digest([before, ...(documents ?? [])].join('\n')), '');
  }

  const ask = () => asked(fixture.firestore, fixture.clock.now(), { type: 'purge' });
  const stored = async ({ id }: ArchiveJob) =>
    parseArchiveJob(id, (await archiveJobRef(fixture.firestore, id).get()).data());

  async function assertPurged(job: ArchiveJob, paths: string): Promise<void> {
    const left = await recordsInArchive(fixture.firestore);
    assert.deepEqual(
      left.map(({ projectId }) => projectId),
      ['p2'],
    );
    assert.match((await cold.names()).join(), /^p2\/[^,]*$/);
    const { status, certificate } = await stored(job);
    assert.equal(status, 'done');
    assert.deepEqual(
      { ...certificate, objects: 0 },
      {
        projectId: 'p1',
        pages: 2,
        documents: 3,
        bytes: certificate?.bytes,
        objects: 0,
        versions: ['6740a1b2000000030000'],
        paths,
      },
    );
    const entries = await auditOf(fixture.firestore);
    assert.equal(entries.length, 1);
    const [entry] = entries;
    assert.deepEqual([entry?.action, entry?.target, entry?.actor], ['purge', 'project p1', operator.name]);
    assert.deepEqual(entry?.after, { jobId: job.id, ...certificate });
  }

  it('removes pages and objects of the project alone, and certifies it in the audit', async () => {
    const paths = await seed();
    const job = await ask();
    assert.equal(await run(job), 'done');
    await assertPurged(job, paths);
    assert.equal((await stored(job)).certificate?.objects, 2);
    assert.equal(await run(job), 'done');
    await assertPurged(job, paths);
  });

  it('removes what lies behind an asset in several parts, also where it goes record by record', async () => {
    const { firestore, clock, log, services } = fixture;
    const body = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7_919) % 251));
    await archive(firestore, {
      collection: 'media',
      documents: { 'media/large': { projectId: 'p1', body } },
      limit: 500,
    });
    for (const name of ['a', 'b']) {
      await archive(firestore, { collection: 'media', documents: { [`media/${name}`]: { projectId: 'p1' } } });
    }
    const job = await ask();
    const transact = createTransact(services, { actor: operator, action: 'purge', reason: 'article 17' });
    const budget = { deadline: clock.now() + 60_000, signal: new AbortController().signal };
    assert.equal(await purge({ firestore, clock, log, transact, cold: null, files: settings }, job, budget), 'done');
    assert.equal((await recordsInArchive(firestore)).length, 0);
    const { certificate } = await stored(job);
    assert.deepEqual([certificate?.pages, certificate?.documents], [3, 3]);
  });

  it('removes nothing that it cannot remove whole', async () => {
    await seed();
    const job = await ask();
    await assert.rejects(run(job, { cold: null }), /lies in cold storage as .* and ARCHIVE_BUCKET is empty/);
    assert.equal((await recordsInArchive(fixture.firestore)).length, 3);
  });

  it('goes on where the time was over', async () => {
    const paths = await seed();
    const job = await ask();
    assert.equal(await run(job, { deadline: fixture.clock.now() }), 'continued');
    while ((await run(job, { deadline: fixture.clock.now() })) === 'continued') assert.ok(true);
    await assertPurged(job, paths);
  });

  it('goes on when it is asked for again, also at work: Pub/Sub gives a message up that fails for long', async () => {
    const paths = await seed();
    const { services, requests } = fixture;
    const ask = async () => {
      requests.messages.length = 0;
      const call = { actor: operator, reason: 'article 17', input: { projectId: 'p1' } };
      const done = await runOperation(services, purgeOperation, call);
      assert.ok(done.kind === 'done' && done.outcome.jobId, JSON.stringify(done));
      const asked = requests.messages.map(({ data }) => requestedWork(data));
      return { jobId: done.outcome.jobId, isNew: done.outcome.sequence !== null, asked };
    };
    const { jobId } = await ask();
    const job = async () => parseArchiveJob(jobId, (await archiveJobRef(fixture.firestore, jobId).get()).data());
    assert.equal(await run(await job(), { deadline: fixture.clock.now() }), 'continued');
    assert.equal((await job()).status, 'running');
    assert.deepEqual(await ask(), { jobId, isNew: false, asked: [{ kind: 'archive', jobId }] });
    assert.equal(await run(await job()), 'done');
    assert.equal((await job()).certificate?.paths, paths);
  });

  it('goes on behind a page whose files cannot be read, and fails with its name', async () => {
    const { firestore, clock, log, services } = fixture;
    for (const name of ['a', 'b', 'c']) {
      await archive(firestore, { collection: 'media', documents: { [`media/${name}`]: { projectId: 'p1' } } });
    }
    const [bad] = (await recordsInArchive(firestore)).map(({ ref }) => ref);
    await firestore.doc('syncFiles/bad').set({ holder: bad?.id, names: 'edited by hand' });
    const transact = createTransact(services, { actor: operator, action: 'purge', reason: 'article 17' });
    const purgeOf = async (job: ArchiveJob) => {
      const dependencies = { firestore, clock, log, transact, cold: null, files: settings };
      const signal = new AbortController().signal;
      for (let runs = 0; runs < 10; runs += 1) {
        if ((await purge(dependencies, job, { deadline: clock.now(), signal })) === 'done') break;
      }
      return stored(job);
    };
    const failed = await purgeOf(await ask());
    assert.deepEqual([failed.status, failed.certificate?.pages], ['failed', 2]);
    assert.match(failed.errors.join(), new RegExp(`^syncArchive/${bad?.id}: .*syncFiles/bad is no record of files`));
    assert.deepEqual(
      (await recordsInArchive(firestore)).map(({ ref }) => ref.id),
      [bad?.id],
    );
    const [entry] = await auditOf(firestore);
    assert.match(JSON.stringify(entry), /pages that stay: 1/);
    await firestore.doc('syncFiles/bad').delete();
    const { status, certificate } = await purgeOf(await ask());
    assert.deepEqual([status, certificate?.pages], ['done', 1]);
  });

  it('is certified where nothing was archived', async () => {
    const job = await ask();
    assert.equal(await run(job), 'done');
    const [entry] = await auditOf(fixture.firestore);
    assert.match(JSON.stringify(entry?.after), /"documents":0/);
  });

  for (const [call, code] of [
    ['Commit', 'PERMISSION_DENIED'],
    ['storage.objects.delete', '403'],
  ] as const) {
    for (const afterEffect of [false, true]) {
      it(`killed ${afterEffect ? 'after' : 'before'} each ${call}: the next delivery ends it, with one entry`, async () => {
        for (let times = 1; ; times += 1) {
          await stop();
          await start();
          const paths = await seed();
          const job = await ask();
          const { faults } = call === 'Commit' ? fixture.server : cold.server;
          if (times > 1) faults.inject(call, {}, times - 1);
          faults.inject(call, { error: { code }, afterEffect });
          await run(job).catch(() => undefined);
          const isMet = faults.pending() === 0;
          faults.clear();
          assert.equal(await run(job), 'done');
          await assertPurged(job, paths);
          if (!isMet) {
            assert.ok(times > 2);
            break;
          }
        }
      });
    }
  }
});
