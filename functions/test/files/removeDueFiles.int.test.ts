// Attacks: "a file that somebody names stays", "a file goes only once its asset's deletion is committed", and "what was
// not done is done later".
import assert from 'node:assert/strict';
import { Timestamp } from 'firebase-admin/firestore';
import { controlCacheMs } from '../../src/control/control.ts';
import { requestedWork } from '../../src/events/requestedWork.ts';
import { askForRemoval } from '../../src/files/askForRemoval.ts';
import { writeRemoval } from '../../src/files/fileRecords.ts';
import { indexAsset } from '../../src/files/indexAsset.ts';
import { removeFilesOf } from '../../src/files/removalOf.ts';
import { removeDueFiles } from '../../src/files/removeDueFiles.ts';
import { fakeTopic } from '../support/topic.ts';
import { type FilesFixture, settings, startFilesFixture } from './files.fixture.ts';

describe('the removal of files', () => {
  let fixture: FilesFixture;

  beforeEach(async () => {
    fixture = await startFilesFixture();
    await fixture.index();
  });

  afterEach(() => fixture.close());

  /** As the transaction does that deletes assets. */
  async function ask(...files: string[]): Promise<void> {
    const { firestore, clock } = fixture;
    const now = clock.now();
    await firestore.runTransaction(async (transaction) =>
      writeRemoval(firestore, transaction, {
        projectId: 'p1',
        bucket: null,
        files,
        deletedAt: now,
        dueAt: now + settings.graceMs,
      }),
    );
  }

  async function write(path: string, data: Record<string, unknown>): Promise<void> {
    await fixture.firestore.doc(path).set(data);
    await indexAsset(fixture.dependencies, path);
  }

  it('waits for the grace time, and takes what nobody names', async () => {
    const { bucket, clock, dependencies } = fixture;
    for (const name of ['media/a', 'media/b', 'media/c']) bucket.upload(name);
    await ask('media/a', 'media/b', 'media/gone');
    const early = { ...dependencies, clock: { ...clock, now: () => clock.now() + settings.graceMs - 1 } };
    await removeDueFiles(early, { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal });
    assert.equal(bucket.calls.find, 0);
    const { remove, gone } = await fixture.remove();
    assert.deepEqual({ remove, gone, left: bucket.names() }, { remove: 2, gone: 1, left: ['media/c'] });
    assert.deepEqual(await fixture.records('removal'), []);
  });

  it('leaves a file that another asset names, in whatever form', async () => {
    fixture.bucket.upload('media/a b');
    fixture.bucket.upload('media/c');
    await write('storyboards/other', { panels: [{}, { image: 'https://storage.googleapis.com/studio/media/a%20b' }] });
    await write('storyboards/x/scenes/s', { image: 'gs://studio/media/c' });
    fixture.bucket.upload('media/d');
    const mediaLink = 'https://storage.googleapis.com/download/storage/v1/b/studio/o/media%2Fd?generation=1&alt=media';
    await write('storyboards/y', { cover: mediaLink });
    await ask('media/a b', 'media/c', 'media/d');
    assert.equal((await fixture.remove()).named, 3);
    assert.deepEqual(fixture.bucket.names(), ['media/a b', 'media/c', 'media/d']);
    assert.deepEqual(await fixture.records('removal'), []);
  });

  it('takes it once that asset is gone as well', async () => {
    fixture.bucket.upload('media/a');
    await write('storyboards/other', { cover: 'media/a' });
    await ask('media/a');
    await fixture.remove();
    await write('storyboards/other', { cover: null });
    await ask('media/a');
    assert.equal((await fixture.remove()).remove, 1);
    assert.deepEqual(fixture.bucket.names(), []);
  });

  it('waits while records name assets that are gone: the events are late, and others may be', async () => {
    fixture.bucket.upload('media/a');
    await write('storyboards/x', { cover: 'media/a' });
    await fixture.firestore.doc('storyboards/x').delete();
    await ask('media/a');
    assert.equal((await fixture.remove()).waits, 1);
    assert.deepEqual(fixture.bucket.names(), ['media/a']);
    await indexAsset(fixture.dependencies, 'storyboards/x');
    assert.equal((await fixture.remove()).remove, 1);
  });

  it('corrects such a record itself when no event can be under way any more', async () => {
    fixture.bucket.upload('media/a');
    await write('storyboards/x', { cover: 'media/a' });
    await fixture.firestore.doc('storyboards/x').delete();
    await ask('media/a');
    let hours = 0;
    while (fixture.bucket.names().length > 0) {
      await fixture.remove();
      hours += 1;
      assert.ok(hours < 60, 'it is never corrected');
    }
    assert.ok(hours > 24, `after ${hours} hours`);
  });

  it('leaves a file that was uploaded again after the deletion', async () => {
    const { bucket, clock } = fixture;
    bucket.upload('media/a', clock.now());
    await ask('media/a');
    bucket.upload('media/a', clock.now() + 1);
    assert.equal((await fixture.remove()).newer, 1);
    assert.deepEqual(bucket.names(), ['media/a']);
  });

  it('leaves one that is uploaded between look and deletion', async () => {
    const { bucket } = fixture;
    bucket.upload('media/a');
    await ask('media/a');
    bucket.beforeDelete = (name) => bucket.upload(name);
    assert.equal((await fixture.remove()).newer, 1);
    assert.deepEqual(bucket.names(), ['media/a']);
  });

  it('takes nothing outside of bucket and prefix, whatever a record says', async () => {
    const { bucket } = fixture;
    for (const name of ['media/a', 'backups/a', 'media/../backups/a']) bucket.upload(name);
    await ask('backups/a', 'media/../backups/a', 'media/a');
    await fixture.remove();
    assert.deepEqual(bucket.names(), ['backups/a', 'media/../backups/a']);
    assert.deepEqual(await fixture.records('removal'), []);
  });

  it('takes nothing of a bucket that was configured after the deletion, where a file has the same name', async () => {
    const { bucket, clock, dependencies, firestore } = fixture;
    bucket.upload('media/a');
    const now = clock.now();
    const terms = { ...dependencies, settings: { ...settings, place: { ...settings.place, bucket: 'old' } }, now };
    const asset = { ref: { path: 'storyboards/s1' }, data: () => ({ cover: 'gs://old/media/a' }) };
    await firestore.runTransaction(async (transaction) => removeFilesOf(terms, transaction, 'p1', [asset]));
    await fixture.remove();
    await fixture.remove();
    assert.deepEqual(bucket.names(), ['media/a']);
    assert.deepEqual(await fixture.records('removal'), []);
  });

  it('keeps what is refused, raises an alarm, and goes on with the others', async () => {
    const { bucket, log } = fixture;
    for (const name of ['media/a', 'media/b']) bucket.upload(name);
    bucket.refuse.set('media/a', 403);
    await ask('media/a', 'media/b');
    const { failed, remove } = await fixture.remove();
    assert.deepEqual({ failed, remove }, { failed: 1, remove: 1 });
    assert.deepEqual(log.alarms(), ['files-refused']);
    const [kept] = await fixture.records('removal');
    assert.deepEqual(kept?.files, ['media/a']);
    assert.match(String(kept?.lastError), /status 403/);
    bucket.refuse.clear();
    assert.equal((await fixture.remove()).remove, 1);
  });

  it('goes on with the others also where many are held', async () => {
    const { bucket } = fixture;
    const held = Array.from({ length: 30 }, (_, at) => `media/held/${at}`);
    for (const name of held) bucket.refuse.set(name, 403);
    const others = Array.from({ length: 400 }, (_, at) => `media/others/${at}`);
    for (const name of [...held, ...others]) bucket.upload(name);
    await ask(...held, ...others);
    const { failed, remove } = await fixture.remove();
    assert.deepEqual({ failed, remove }, { failed: 30, remove: 400 });
    assert.deepEqual(bucket.names(), held.toSorted());
    const [kept] = await fixture.records('removal');
    assert.deepEqual(kept?.files, held.toSorted());
  });

  it('tries again without an alarm what may pass, less and less often', async () => {
    const { bucket, log, clock } = fixture;
    bucket.upload('media/a');
    bucket.refuse.set('media/a', 503);
    await ask('media/a');
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await fixture.remove();
      const [kept] = await fixture.firestore
        .collection('syncFiles')
        .where('kind', '==', 'removal')
        .get()
        .then((all) => all.docs);
      pauses.push((kept?.get('dueAt').toMillis() - clock.now()) / 60_000);
    }
    assert.deepEqual(pauses, [1, 2, 4]);
    assert.deepEqual(log.alarms(), []);
  });

  it('asks no more of a bucket that is throttled than a few calls', async () => {
    const { bucket } = fixture;
    const names = Array.from({ length: 500 }, (_, at) => `media/${at}`);
    for (const name of names) {
      bucket.upload(name);
      bucket.refuse.set(name, 429);
    }
    await ask(...names);
    await fixture.remove();
    assert.ok(bucket.calls.find < 40, String(bucket.calls.find));
    bucket.refuse.clear();
    await fixture.remove();
    assert.deepEqual(bucket.names(), []);
  });

  it('takes more files than fit a record, and stops when its time is over', async () => {
    const { bucket, dependencies, clock } = fixture;
    const names = Array.from({ length: 5_000 }, (_, at) => `media/${at}`);
    for (const name of names) bucket.upload(name);
    await ask(...names);
    assert.equal((await fixture.records('removal')).length, 2);
    clock.advance(settings.graceMs);
    bucket.beforeDelete = () => clock.advance(10);
    await removeDueFiles(dependencies, { deadline: clock.now() + 3_000, signal: new AbortController().signal });
    assert.ok(bucket.names().length > 4_000 && bucket.names().length < 5_000, String(bucket.names().length));
    bucket.beforeDelete = () => undefined;
    await fixture.remove();
    assert.deepEqual(bucket.names(), []);
  });

  it('lets no record that cannot be read stand in the way of the others', async () => {
    const { bucket, firestore, clock, log } = fixture;
    await firestore.doc('syncFiles/odd').set({ kind: 'removal', dueAt: Timestamp.fromMillis(0) });
    await firestore.doc('syncFiles/odd2').set({ kind: 'asset', names: ['media/b'] });
    for (const name of ['media/a', 'media/b']) bucket.upload(name);
    await ask('media/a');
    await ask('media/b');
    await fixture.remove();
    assert.deepEqual(bucket.names(), ['media/b']);
    const odd = await firestore.doc('syncFiles/odd').get();
    assert.ok(odd.get('dueAt').toMillis() > clock.now());
    assert.ok(log.lines.some(({ level, fields }) => level === 'error' && fields.record === 'syncFiles/odd'));
  });

  it('lets no record of who names a file that cannot be read keep other files of a removal, ever', async () => {
    const { bucket, firestore, log } = fixture;
    await firestore.doc('syncFiles/odd').set({ kind: 'asset', holder: 'storyboards/x', names: ['media/a'] });
    const noPath = { schemaVersion: 1, kind: 'asset', holder: 'edited', names: ['media/b'] };
    await firestore.doc('syncFiles/odd2').set(noPath);
    for (const name of ['media/a', 'media/b', 'media/c']) bucket.upload(name);
    await ask('media/a', 'media/b', 'media/c');
    for (let hours = 0; hours < 60; hours += 1) await fixture.remove();
    assert.deepEqual(bucket.names(), ['media/a', 'media/b']);
    const reported = log.lines.flatMap(({ level, fields }) => (level === 'error' ? [fields.record] : []));
    assert.ok(reported.includes('syncFiles/odd') && reported.includes('syncFiles/odd2'));
    await firestore.doc('syncFiles/odd').delete();
    await firestore.doc('syncFiles/odd2').delete();
    for (let hours = 0; hours < 25; hours += 1) await fixture.remove();
    assert.deepEqual(bucket.names(), []);
  });

  it('is asked for when something is due, and neither asked for nor done while deletions are paused', async () => {
    const { bucket, firestore, clock, dependencies } = fixture;
    const topic = fakeTopic();
    const look = () => askForRemoval({ ...dependencies, requests: async () => topic });
    bucket.upload('media/a');
    await ask('media/a');
    assert.equal(await look(), false);
    const pause = { what: 'deletions', by: 'me', reason: 'r', since: clock.now() };
    await firestore.doc('syncControl/state').set({ paused: [pause] });
    clock.advance(settings.graceMs);
    assert.equal(await look(), false);
    await fixture.remove();
    assert.deepEqual(bucket.names(), ['media/a']);
    await firestore.doc('syncControl/state').delete();
    clock.advance(controlCacheMs + 1);
    assert.equal(await look(), true);
    assert.deepEqual(
      topic.messages.map(({ data }) => requestedWork(Buffer.from(data))?.kind === 'files'),
      [true],
    );
    // Nothing was noted during the pause, so that the walk is done again.
    await fixture.remove();
    await fixture.remove();
    assert.deepEqual(bucket.names(), []);
  });

  it('costs one read when nothing is due', async () => {
    await ask('media/a');
    const { clock, dependencies, server } = fixture;
    const before = server.meter.snapshot();
    await removeDueFiles(dependencies, { deadline: clock.now() + 1_000, signal: new AbortController().signal });
    assert.equal(server.meter.diff(before).reads, 1);
  });
});
