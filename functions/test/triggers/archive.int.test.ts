// Work on the archive through the function that does it: attacks "a redelivered request does it once", "what takes
// longer continues" and "a sweep keeps no reconciliation waiting".
import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { archiveJobRef } from '../../src/archive/jobs/archiveJob.ts';
import { encodeEvent } from '../../src/events/codec.ts';
import { reconcileOnRequestFunction } from '../../src/triggers/reconcileOnRequest.ts';
import { syncProjectFunction } from '../../src/triggers/syncProject.ts';
import { archive, asked, recordsInArchive } from '../archive/archived.ts';
import { setVariables } from '../support/variables.ts';
import { event } from '../sync/worker.fixture.ts';
import { type ServicesFixture, startFunctionsTest, startServices } from './services.fixture.ts';

describe('requests for work on the archive', function () {
  this.timeout(60_000);
  let fixture: ServicesFixture;
  let offline: ReturnType<typeof startFunctionsTest>;
  let restoreVariables: () => void;

  before(async () => {
    offline = startFunctionsTest();
    restoreVariables = setVariables({ ARCHIVE_BUCKET: 'archive', ARCHIVE_COLD_DAYS: '1' });
    fixture = await startServices();
  });
  after(async () => {
    restoreVariables();
    offline.cleanup();
    await fixture.close();
  });

  const message = (data: Buffer, attributes: Readonly<Record<string, string>> = {}) => ({
    data: { message: { data: data.toString('base64'), attributes } },
  });
  const request = (value: unknown) =>
    offline.wrap(reconcileOnRequestFunction(fixture.services))(message(Buffer.from(JSON.stringify(value))));
  const requests = () => fixture.topic('reconciliation-requests').messages;

  async function liveProject(): Promise<string> {
    const id = new ObjectId();
    await fixture.source.projects.insertOne({ _id: id, name: 'New' });
    const { data, attributes } = encodeEvent(event('ProjectCreated', String(id), { name: 'New' }));
    await offline.wrap(syncProjectFunction(fixture.services))(message(data, attributes));
    return String(id);
  }

  it('restores what was archived, once', async () => {
    const { firestore } = fixture;
    const projectId = await liveProject();
    await archive(firestore, { projectId, collection: 'media', documents: { 'media/a': { projectId } } });
    const { id } = await asked(firestore, Date.now(), { projectId });
    await request({ archiveJob: id });
    assert.deepEqual((await firestore.doc('media/a').get()).data(), { projectId, projectName: 'New' });
    await firestore.doc('media/a').delete();
    await request({ archiveJob: id });
    assert.equal((await firestore.doc('media/a').get()).exists, false);
    assert.equal((await archiveJobRef(firestore, id).get()).get('status'), 'done');
  });

  it('ignores a job that does not exist, and says so', async () => {
    await fixture.firestore.doc('syncJobs/of another kind').set({ type: 'reconciliation', status: 'running' });
    for (const id of ['nobody', 'of another kind', 'a/b', 'a/b/c', '.', '..', '__x__', 'x'.repeat(1_501), '\ud800']) {
      const { length } = fixture.log.lines;
      await request({ archiveJob: id });
      assert.match(
        JSON.stringify(fixture.log.lines.slice(length)),
        /names a job of the archive that does not exist/,
        id,
      );
    }
  });

  it('asks for its continuation when the instance is stopped', async () => {
    const { firestore, services } = fixture;
    const projectId = await liveProject();
    await archive(firestore, { projectId, collection: 'media', documents: { 'media/b': { projectId } } });
    const { id } = await asked(firestore, Date.now(), { projectId });
    const stopped = { ...services, stopping: () => AbortSignal.abort(new Error('stopped')) };
    await offline.wrap(reconcileOnRequestFunction(stopped))(message(Buffer.from(JSON.stringify({ archiveJob: id }))));
    assert.deepEqual(JSON.parse(String(requests().at(-1)?.data)), { archiveJob: id });
    await request({ archiveJob: id });
    assert.equal((await firestore.doc('media/b').get()).exists, true);
  });

  it('of a schedule has old pages moved to the bucket by a message of their own, if there are any', async () => {
    const { firestore, storage } = fixture;
    await liveProject();
    const before = requests().length;
    await request({ mode: 'report', reason: 'schedule' });
    assert.equal(requests().length, before);
    await archive(firestore, {
      collection: 'media',
      documents: { 'media/c': { projectId: 'p1' } },
      expireAt: Date.now() * 2,
    });
    await request({ mode: 'report', reason: 'schedule' });
    assert.deepEqual(JSON.parse(String(requests().at(-1)?.data)), { archiveJob: 'retention' });
    const asked = requests().length;
    fixture.topic('reconciliation-requests').failures.push(new Error('no topic'));
    await request({ mode: 'report', reason: 'schedule' });
    assert.equal(requests().length, asked);
    assert.match(JSON.stringify(fixture.log.lines.at(-1)), /sweep of the archive could not be asked for/);
    storage.faults.inject('storage.objects.create', { error: { code: '403' } });
    await assert.rejects(request({ archiveJob: 'retention' }), /in bucket archive failed/);
    await request({ archiveJob: 'retention' });
    const [page] = await recordsInArchive(firestore);
    assert.deepEqual([page?.data, page?.object], [null, `p1/${page?.ref.id}/${page?.checksum}`]);
  });
});
