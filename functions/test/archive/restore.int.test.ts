// Restoring: attacks I13 (at its place or in exactly one page), "creates and never overwrites", "only into a project
// that lives", and I5 for a project that is deleted in the middle. On a real client and a local Firestore; MongoDB's
// word is a set of live projects.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { DocumentData } from 'firebase-admin/firestore';
import { archiveRecordData, recordsOf } from '../../src/archive/archiveRecord.ts';
import { type ArchiveJob, archiveJobRef, parseArchiveJob } from '../../src/archive/jobs/archiveJob.ts';
import { packPages } from '../../src/archive/packPages.ts';
import { type RestoreDependencies, restore } from '../../src/archive/restore/restore.ts';
import { dayMs } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { archive, archivedAt, asked, pathsInArchive } from './archived.ts';

const config = defineConfig({
  source: { database: 'd', collection: 'projects', fields: ['name', 'status'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, subcollections: 'recursive' },
    { path: 'media', projectId: 'projectId', copies: { name: 'projectName', status: 'meta.status' } },
    { group: 'scenes', projectId: 'meta.projectId' },
  ],
});

describe('restoring from the archive', function () {
  this.timeout(30_000);
  let fixture: SyncFixture;
  let dependencies: RestoreDependencies;

  beforeEach(async () => {
    fixture = await startSyncFixture({ config });
    const { firestore, clock, events, log } = fixture;
    dependencies = { firestore, config, clock, events, log, truth: fixture.dependencies.truth, cold: null };
    await lives('p1', 'New name');
  });
  afterEach(() => fixture.close());

  async function lives(projectId: string, name: string): Promise<void> {
    fixture.alive.set(projectId, { name, status: 'draft' });
    await fixture.deliver(event('ProjectCreated', projectId, { name, status: 'draft' }));
  }

  const run = (job: ArchiveJob, change: Partial<RestoreDependencies> = {}) =>
    restore({ ...dependencies, ...change }, job, {
      deadline: fixture.clock.now() + 60_000,
      signal: new AbortController().signal,
    });

  async function restored(of: Parameters<typeof asked>[2] = {}): Promise<ArchiveJob> {
    const job = await asked(fixture.firestore, archivedAt, of);
    assert.equal(await run(job), 'done');
    return stored(job);
  }

  const stored = async ({ id }: ArchiveJob) =>
    parseArchiveJob(id, (await archiveJobRef(fixture.firestore, id).get()).data());

  const living = async () => {
    const all = await Promise.all(['storyboards', 'media', 'scenes', 'panels'].map((id) => fixture.documents(id)));
    return new Map(all.flatMap((documents) => [...documents]));
  };

  const media = (index: number, more: DocumentData = {}) => ({
    [`media/m${index}`]: { projectId: 'p1', projectName: 'Old name', index, ...more },
  });

  it('brings assets back as they were, with copies as the project is now, and empties the archive', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: { ...media(1), ...media(2) } });
    const scene = { meta: { projectId: 'p1', keep: Number.NaN } };
    await archive(fixture.firestore, { collection: 'scenes', documents: { 'media/m1/scenes/s1': scene } });
    await archive(fixture.firestore, {
      collection: 'storyboards',
      documents: {
        'storyboards/s1/panels/a': { text: 'x' },
        'storyboards/s1': { projectId: 'p1', projectName: 'Old' },
      },
    });
    await archive(fixture.firestore, { projectId: 'p2', collection: 'media', documents: { 'media/x': {} } });
    const job = await restored();
    assert.deepEqual([job.status, job.processed, job.total, job.conflicts], ['done', 5, 5, 0]);
    assert.deepEqual(Object.fromEntries(await living()), {
      'media/m1': { projectId: 'p1', projectName: 'New name', index: 1, meta: { status: 'draft' } },
      'media/m2': { projectId: 'p1', projectName: 'New name', index: 2, meta: { status: 'draft' } },
      'media/m1/scenes/s1': scene,
      'storyboards/s1': { projectId: 'p1', projectName: 'New name' },
      'storyboards/s1/panels/a': { text: 'x' },
    });
    assert.deepEqual(await pathsInArchive(fixture.firestore), ['media/x']);
    assert.equal(fixture.events.messages.length, 0);
  });

  it('costs six reads, a write and a delete for a page, and a read and a write for each document', async () => {
    const { firestore, server } = fixture;
    const documents = Object.fromEntries(Array.from({ length: 20 }, (_, index) => Object.entries(media(index))).flat());
    for (const one of [0, 1]) {
      const own = Object.entries(documents).map(([path, data]) => [`${path}-${one}`, data] as const);
      await archive(firestore, { collection: 'media', documents: Object.fromEntries(own) });
    }
    const job = await asked(firestore, archivedAt);
    const before = server.meter.snapshot();
    await run(job);
    const { reads, writes, deletes } = server.meter.diff(before);
    // Of a job: its beginning and its end, and the look for a next page.
    const ofJob = { reads: 3, writes: 2 };
    assert.deepEqual([reads - ofJob.reads, writes - ofJob.writes, deletes], [2 * 6 + 40, 2 + 40, 2]);
  });

  it('overwrites nothing: what is in the way is listed and stays in the archive, its neighbours come back', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: { ...media(1), ...media(2), ...media(3) } });
    const inTheWay = { projectId: 'p9', mine: true };
    await fixture.firestore.doc('media/m2').set(inTheWay);
    const job = await restored();
    assert.deepEqual([job.status, job.processed, job.conflicts], ['done', 2, 1]);
    assert.deepEqual(job.errors, ['media/m2: exists, and is not overwritten']);
    assert.deepEqual((await living()).get('media/m2'), inTheWay);
    assert.deepEqual(await pathsInArchive(fixture.firestore), ['media/m2']);
    await fixture.firestore.doc('media/m2').delete();
    assert.equal((await restored()).processed, 1);
    assert.deepEqual(await pathsInArchive(fixture.firestore), []);
  });

  for (const [what, size, count] of [
    ['many documents', 10, 950],
    ['documents that are large and compress well', 900_000, 12],
  ] as const) {
    it(`restores a page of ${what} part by part, around what is in the way`, async () => {
      const { firestore, server } = fixture;
      const body = 'x'.repeat(size);
      const names = Array.from({ length: count }, (_, index) => `media/m${String(index).padStart(4, '0')}`);
      const documents = Object.fromEntries(names.map((name) => [name, { projectId: 'p1', body }]));
      await archive(firestore, { collection: 'media', documents });
      assert.equal((await firestore.collection('syncArchive').get()).size, 1);
      const taken = [0, 1, count >> 1, count - 1].map((index) => names[index] ?? '');
      for (const path of taken) await firestore.doc(path).set({ inTheWay: true });
      const job = await asked(firestore, archivedAt);
      const before = server.meter.snapshot();
      await run(job);
      const { rpcs } = server.meter.diff(before);
      assert.ok((rpcs.Commit ?? 0) >= 2 + 3, `${rpcs.Commit} commits`);
      const { processed, conflicts, errors } = await stored(job);
      assert.deepEqual([processed, conflicts, errors.length], [count - taken.length, taken.length, taken.length]);
      assert.deepEqual(await pathsInArchive(firestore), taken);
      const there = await fixture.documents('media');
      assert.deepEqual([...there.keys()].sort(), names);
      assert.ok([...there].every(([path, data]) => (taken.includes(path) ? data.inTheWay : data.body === body)));
    });
  }

  it('takes the last one of several lives with the same path', async () => {
    const { firestore, clock } = fixture;
    const archived = defineConfig({
      source: { database: 'd', collection: 'projects', fields: ['name', 'status'] },
      collections: [{ path: 'media', projectId: 'projectId', onDelete: 'archive' }],
    });
    for (const life of ['1', '2', '3']) {
      // Random ids of pages may be in this order, as in any other.
      const worker = fixture.worker2({ config: archived, uniqueId: () => `${life}-${randomUUID()}` });
      await firestore.doc('media/of-p1').set({ projectId: 'p1', life });
      fixture.alive.delete('p1');
      const budget = { deadline: clock.now() + 60_000, signal: new AbortController().signal };
      await worker.apply(event('ProjectDeleted', 'p1'), budget);
      assert.equal((await living()).size, 0);
      await lives('p1', 'Again');
    }
    const job = await restored();
    assert.deepEqual([job.processed, job.conflicts], [1, 2]);
    assert.equal((await living()).get('media/of-p1')?.life, '3');
  });

  it('restores only what is asked for, and in a dry run nothing', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media(1) });
    const scene = { meta: { projectId: 'p1' } };
    await archive(fixture.firestore, { collection: 'scenes', documents: { 'x/y/scenes/s1': scene } });
    await fixture.firestore.doc('media/m1').set({ other: true });
    const dry = await restored({ dryRun: true });
    assert.deepEqual([dry.status, dry.processed, dry.conflicts], ['done', 1, 1]);
    assert.deepEqual([...(await living()).keys()], ['media/m1']);
    const job = await restored({ collections: ['scenes'] });
    assert.deepEqual([job.processed, job.total], [1, 1]);
    assert.deepEqual(await pathsInArchive(fixture.firestore), ['media/m1']);
  });

  it('restores into another project, whose assets they are then', async () => {
    await lives('p7', 'Seven');
    await archive(fixture.firestore, { collection: 'media', documents: media(1) });
    await archive(fixture.firestore, {
      collection: 'scenes',
      documents: { 'x/y/scenes/s1': { meta: { projectId: 'p1', z: 1 } } },
    });
    await restored({ to: 'p7' });
    assert.deepEqual(Object.fromEntries(await living()), {
      'media/m1': { projectId: 'p7', projectName: 'Seven', index: 1, meta: { status: 'draft' } },
      'x/y/scenes/s1': { meta: { projectId: 'p7', z: 1 } },
    });
  });

  it('puts nothing below an asset that is missing or another project’s; an asset comes before what lay below it', async () => {
    // Pages come in the order of random ids, so that some panels are met before their storyboard.
    for (let index = 0; index < 6; index += 1) {
      await archive(fixture.firestore, {
        collection: 'storyboards',
        documents: { [`storyboards/s1/panels/${index}`]: { index } },
      });
    }
    await archive(fixture.firestore, {
      collection: 'storyboards',
      documents: { 'storyboards/s1': { projectId: 'p1' } },
    });
    await archive(fixture.firestore, { collection: 'storyboards', documents: { 'storyboards/gone/panels/a': {} } });
    await archive(fixture.firestore, { collection: 'storyboards', documents: { 'storyboards/other/panels/a': {} } });
    await archive(fixture.firestore, { collection: 'elsewhere', documents: { 'elsewhere/a': {} } });
    await fixture.firestore.doc('storyboards/other').set({ projectId: 'p9' });
    const job = await restored();
    assert.deepEqual([job.status, job.processed, job.conflicts], ['done', 7, 3]);
    assert.deepEqual(job.errors.toSorted(), [
      'elsewhere/a: lies in no collection of lockstep.config.ts, so that nothing would delete it',
      'storyboards/gone/panels/a: lies below storyboards/gone, which does not exist',
      "storyboards/other/panels/a: lies below storyboards/other, which is another project's",
    ]);
    assert.deepEqual(await pathsInArchive(fixture.firestore), [
      'elsewhere/a',
      'storyboards/gone/panels/a',
      'storyboards/other/panels/a',
    ]);
  });

  it('puts below an asset what lay below documents in between that are none, or are missing', async () => {
    const nested = defineConfig({
      source: { database: 'd', collection: 'projects', fields: ['name', 'status'] },
      collections: [
        { path: 'storyboards', projectId: 'projectId', subcollections: 'recursive' },
        { group: 'scenes', projectId: 'projectId', subcollections: 'recursive' },
      ],
    });
    const documents = {
      'storyboards/s1': { projectId: 'p1' },
      // In a place of assets, but it names no project: a deletion finds it and what lies below by its storyboard.
      'storyboards/s1/scenes/c1': { title: 'One' },
      'storyboards/s1/scenes/c1/panels/a': { text: 'a' },
      'storyboards/s1/scenes/missing/panels/b': { text: 'b' },
      'storyboards/s1/scenes/other/panels/c': { text: 'c' },
    };
    await archive(fixture.firestore, { collection: 'storyboards', documents });
    await fixture.firestore.doc('storyboards/s1/scenes/other').set({ projectId: 'p9' });
    const job = await asked(fixture.firestore, archivedAt);
    await run(job, { config: nested });
    const { processed, errors } = await stored(job);
    const other = 'storyboards/s1/scenes/other';
    assert.deepEqual(errors, [`${other}/panels/c: lies below ${other}, which is another project's`]);
    assert.equal(processed, 4);
    assert.deepEqual(await pathsInArchive(fixture.firestore), [`${other}/panels/c`]);
    fixture.alive.delete('p1');
    await fixture.worker2({ config: nested }).apply(event('ProjectDeleted', 'p1'), {
      deadline: fixture.clock.now() + 60_000,
      signal: new AbortController().signal,
    });
    assert.deepEqual([...(await living()).keys()], [other]);
  });

  it('restores an asset that fills several records, and not one of which a part is missing', async () => {
    const body = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 7_919) % 251));
    await archive(fixture.firestore, { collection: 'media', documents: media(1, { body }), limit: 500 });
    await archive(fixture.firestore, { collection: 'media', documents: media(2, { body }), limit: 500 });
    const parts = await fixture.firestore.collection('syncArchive').where('first', '==', 'media/m2').get();
    assert.ok(parts.size > 1);
    await parts.docs.find((part) => part.get('part.index') === 1)?.ref.delete();
    const job = await restored();
    assert.deepEqual([job.processed, job.conflicts], [1, 1]);
    assert.match(job.errors[0] ?? '', /cannot be unpacked \(\d+ of its \d+ parts are there\)/);
    assert.deepEqual((await living()).get('media/m1')?.body, body);
  });

  it('takes fewer documents at once where Firestore calls them too big, with their index entries', async () => {
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`field${at}`, at]));
    const documents = Object.fromEntries(
      Array.from({ length: 128 }, (_, at) => Object.entries(media(at, { wide }))[0] ?? []),
    );
    await archive(fixture.firestore, { collection: 'media', documents });
    const { status, processed, conflicts } = await restored();
    assert.deepEqual([status, processed, conflicts], ['done', 128, 0]);
    assert.deepEqual([(await living()).size, await pathsInArchive(fixture.firestore)], [128, []]);
  });

  it('leaves alone what Firestore refuses to create, and restores its neighbours', async () => {
    // More elements than have index entries: an exemption has been taken away, perhaps.
    const list = Array.from({ length: 30_000 }, (_, at) => at);
    const documents = { ...media(1), ...media(2, { list }), ...media(3), ...media(4, { list }), ...media(5) };
    await archive(fixture.firestore, { collection: 'media', documents });
    await archive(fixture.firestore, { collection: 'media', documents: media(6) });
    const { status, processed, conflicts, errors } = await restored();
    assert.deepEqual([status, processed, conflicts], ['done', 4, 2]);
    assert.match(errors.join(), /media\/m2: Firestore refuses it: .*media\/m4: Firestore refuses it/s);
    assert.deepEqual(await pathsInArchive(fixture.firestore), ['media/m2', 'media/m4']);
  });

  it('leaves alone what is damaged, and what is older than its retention', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media(1) });
    const [page] = (await fixture.firestore.collection('syncArchive').get()).docs;
    await page?.ref.update({ checksum: 'another' });
    const old = { ...media(2), ...media(4) };
    await archive(fixture.firestore, { collection: 'media', documents: old, expireAt: archivedAt });
    await archive(fixture.firestore, { collection: 'media', documents: media(3) });
    const job = await restored();
    // Each of them has its entry.
    assert.deepEqual([job.total, job.processed, job.conflicts, job.errors.length], [4, 1, 3, 2]);
    assert.match(job.errors.join(), /its bytes do not have its checksum/);
    assert.match(job.errors.join(), /syncArchive\/.*: its retention has ended at 2026-11-21T00:00:00.000Z/);
    assert.deepEqual([...(await living()).keys()], ['media/m3']);
  });

  it('leaves alone a page with a document of a newer version, and restores the others', async () => {
    const text = JSON.stringify({ path: 'media/m1', data: { projectId: 'p1', value: { $decimal: '1.5' } } });
    const [packed] = await packPages([{ path: 'media/m1', text }]);
    const about = {
      projectId: 'p1',
      version: '6740a1b2000000030000',
      collection: 'media',
      archivedAt,
      expireAt: archivedAt + 30 * dayMs,
    };
    const [record] = packed === undefined ? [] : recordsOf(packed, about, '0');
    assert.ok(record);
    await fixture.firestore.doc('syncArchive/0').create(archiveRecordData(record));
    await archive(fixture.firestore, { collection: 'media', documents: media(2) });
    const job = await restored();
    assert.deepEqual([job.status, job.processed, job.conflicts], ['done', 1, 1]);
    assert.match(job.errors[0] ?? '', /an archived document cannot be read \(it begins with .*media\/m1/);
    assert.deepEqual([...(await living()).keys()], ['media/m2']);
  });

  it('needs a project that lives, for Lockstep and for MongoDB', async () => {
    await archive(fixture.firestore, {
      projectId: 'p3',
      collection: 'media',
      documents: { 'media/x': { projectId: 'p3' } },
    });
    const unknown = await restored({ projectId: 'p3' });
    assert.deepEqual([unknown.status, unknown.processed], ['failed', 0]);
    assert.match(unknown.errors[0] ?? '', /nothing is known of project p3 yet/);
    await lives('p3', 'Three');
    fixture.alive.delete('p3');
    const gone = await restored({ projectId: 'p3' });
    assert.match(gone.errors[0] ?? '', /MongoDB does not have project p3/);
    await fixture.deliver(event('ProjectDeleted', 'p3'));
    const deleted = await restored({ projectId: 'p3' });
    assert.match(deleted.errors[0] ?? '', /project p3 is deleted: create it again/);
    assert.deepEqual([...(await living()).keys()], []);
    assert.deepEqual(await pathsInArchive(fixture.firestore), ['media/x']);
  });

  it('goes on in the next invocation where the time was over', async () => {
    for (let index = 0; index < 3; index += 1) {
      await archive(fixture.firestore, { collection: 'media', documents: media(index) });
    }
    const job = await asked(fixture.firestore, archivedAt);
    const over = { deadline: fixture.clock.now(), signal: new AbortController().signal };
    assert.equal(await restore(dependencies, job, over), 'continued');
    assert.equal(await run(job), 'done');
    assert.equal((await stored(job)).processed, 3);
    assert.equal(await run(job), 'done');
    assert.equal((await stored(job)).processed, 3);
  });

  it('shares the work with another worker on the same job', async () => {
    for (let index = 0; index < 12; index += 1) {
      await archive(fixture.firestore, { collection: 'media', documents: media(index) });
    }
    const job = await asked(fixture.firestore, archivedAt);
    const ends = await Promise.allSettled([run(job), run(job)]);
    // Who loses a race for the same page too often is redelivered.
    if (ends.some(({ status }) => status === 'rejected')) await run(job);
    assert.deepEqual([(await stored(job)).processed, (await living()).size], [12, 12]);
    assert.deepEqual(await pathsInArchive(fixture.firestore), []);
  });

  for (const afterEffect of [false, true]) {
    it(`killed at every write, ${afterEffect ? 'after' : 'before'} it: each asset is at its place or in one page`, async () => {
      for (let write = 1; ; write += 1) {
        await fixture.close();
        fixture = await startSyncFixture({ config });
        const { firestore, clock, events, log } = fixture;
        dependencies = { ...dependencies, firestore, clock, events, log, truth: fixture.dependencies.truth };
        await lives('p1', 'New name');
        await archive(firestore, { collection: 'media', documents: { ...media(1), ...media(2) } });
        await archive(firestore, { collection: 'media', documents: media(3) });
        await firestore.doc('media/m2').set({ inTheWay: true });
        const seeded = ['media/m1', 'media/m2', 'media/m3'];
        const job = await asked(firestore, archivedAt);
        if (write > 1) fixture.server.faults.inject('Commit', {}, write - 1);
        fixture.server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' }, afterEffect });
        const end = await run(job).catch(() => 'killed');
        const isMet = fixture.server.faults.pending() === 0;
        fixture.server.faults.clear();
        const inArchive = await pathsInArchive(firestore);
        const own = [...(await living())].filter(([, data]) => data.inTheWay === undefined).map(([path]) => path);
        assert.deepEqual([...inArchive, ...own].sort(), seeded, `write ${write}`);
        assert.equal(await run(job), 'done');
        const { status, processed, conflicts } = await stored(job);
        assert.deepEqual([status, processed, conflicts], ['done', 2, 1], `write ${write}`);
        assert.deepEqual(await pathsInArchive(firestore), ['media/m2']);
        if (!isMet) {
          assert.equal(end, 'done');
          assert.ok(write > 4, 'some writes were never met');
          return;
        }
      }
    });
  }

  it('meets a rename: whichever comes first, the copies show the newest name', async () => {
    for (let index = 0; index < 5; index += 1) {
      await archive(fixture.firestore, { collection: 'media', documents: media(index) });
    }
    let asks = 0;
    const truth: RestoreDependencies['truth'] = {
      async ask(ids) {
        asks += 1;
        // In the middle of the first page's transaction, and then after every further question.
        if (asks === 1) void rename('Renamed').catch(() => undefined);
        return fixture.dependencies.truth.ask(ids);
      },
    };
    async function rename(name: string): Promise<void> {
      fixture.alive.set('p1', { name, status: 'draft' });
      renaming = fixture.deliver(event('ProjectUpdated', 'p1', { name }));
      await renaming;
    }
    let renaming: Promise<void> | undefined;
    const job = await asked(fixture.firestore, archivedAt);
    await run(job, { truth });
    await renaming;
    const names = [...(await living()).values()].map(({ projectName }) => projectName);
    assert.deepEqual(
      names,
      Array.from({ length: 5 }, () => 'Renamed'),
    );
  });

  it('meets a deletion: what was restored after it does not stay', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media(1) });
    await archive(fixture.firestore, { collection: 'media', documents: media(2) });
    let asks = 0;
    const truth: RestoreDependencies['truth'] = {
      async ask(ids) {
        asks += 1;
        const statement = await fixture.dependencies.truth.ask(ids);
        // Gone from MongoDB right after it has said that it lives; the event takes its time.
        if (asks === 1) fixture.alive.delete('p1');
        return statement;
      },
    };
    const job = await asked(fixture.firestore, archivedAt);
    await run(job, { truth });
    assert.equal((await stored(job)).status, 'done');
    assert.equal((await living()).size, 2);
    const [published] = fixture.events.messages;
    const decoded = published && decodeEvent(published.data);
    assert.equal(decoded?.ok && decoded.event.type, 'ProjectDeleted');
    if (published) await fixture.deliverMessage(published);
    assert.equal((await living()).size, 0);
  });

  it('meets a deletion that is folded: it stops, and publishes what that deletion may have missed', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media(1) });
    await archive(fixture.firestore, { collection: 'media', documents: media(2) });
    const job = await asked(fixture.firestore, archivedAt);
    const over = new AbortController();
    const truth: RestoreDependencies['truth'] = {
      async ask(ids) {
        over.abort(new Error('after the first page'));
        return fixture.dependencies.truth.ask(ids);
      },
    };
    const budget = { deadline: Number.POSITIVE_INFINITY, signal: over.signal };
    assert.equal(await restore({ ...dependencies, truth }, job, budget), 'continued');
    fixture.alive.delete('p1');
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    await run(job);
    const { status, processed, errors } = await stored(job);
    assert.deepEqual([status, processed], ['failed', 1]);
    assert.match(errors[0] ?? '', /project p1 is deleted/);
    const [published] = fixture.events.messages;
    if (published) await fixture.deliverMessage(published);
    assert.deepEqual([...(await living()).keys()], []);
    assert.equal((await pathsInArchive(fixture.firestore)).length, 1);
  });

  it('says it again when it dies between publishing and its end', async () => {
    await archive(fixture.firestore, { collection: 'media', documents: media(1) });
    const job = await asked(fixture.firestore, archivedAt);
    fixture.events.failures.push(new Error('no topic'));
    const truth: RestoreDependencies['truth'] = {
      async ask(ids) {
        const statement = await fixture.dependencies.truth.ask(ids);
        fixture.alive.delete('p1');
        return statement;
      },
    };
    await assert.rejects(run(job, { truth }), /no topic/);
    assert.equal((await stored(job)).status, 'running');
    await run(job);
    assert.deepEqual([(await stored(job)).status, fixture.events.messages.length], ['done', 1]);
  });
});
