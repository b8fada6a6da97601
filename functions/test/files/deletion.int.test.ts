// The deletion of a project whose assets name files. Attacks: "no file goes before the deletion of its asset is
// committed, and none is forgotten after it", wherever a worker dies; and "a collection without files reads what it
// always did".
import assert from 'node:assert/strict';
import { createIndexArchive } from '../../src/archive/indexPages.ts';
import { minuteMs } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { indexAsset } from '../../src/files/indexAsset.ts';
import { removeDueFiles } from '../../src/files/removeDueFiles.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { type FakeBucket, fakeBucket } from './fakeBucket.ts';
import { settings } from './files.fixture.ts';

function configured(onDelete: 'delete' | 'archive') {
  return defineConfig({
    source: { database: 'd', collection: 'projects' },
    collections: [
      {
        path: 'storyboards',
        projectId: 'projectId',
        subcollections: 'recursive',
        files: ['cover', 'panels[].image'],
        onDelete,
      },
      { path: 'storyboards/{board}/scenes', projectId: 'projectId', files: ['image'], onDelete },
      { path: 'plain', projectId: 'projectId', subcollections: 'recursive' },
    ],
  });
}
const config = configured('delete');
const archiving = configured('archive');

describe('the deletion of assets that name files', () => {
  let fixture: SyncFixture;
  let bucket: FakeBucket;
  const names = ['media/cover', 'media/panel', 'media/scene', 'media/shared'];

  afterEach(() => fixture.close());

  async function start(used = config): Promise<void> {
    fixture = await startSyncFixture({ config: used });
    bucket = fakeBucket();
    // Two deletions are few among these.
    for (let at = 0; at < 50; at += 1) fixture.alive.set(`alive-${at}`, {});
    const { firestore } = fixture;
    await firestore.doc('storyboards/s1').set({
      projectId: 'p1',
      cover: 'gs://studio/media/cover',
      panels: [{ image: 'media/panel' }, { image: 'media/shared' }, { image: 'https://example.com/x.png' }],
    });
    await firestore.doc('storyboards/s1/scenes/c1').set({ projectId: 'p1', image: 'media/scene' });
    await firestore.doc('storyboards/s1/notes/n').set({ text: 'media/no-field-of-files' });
    await firestore.doc('storyboards/other').set({ projectId: 'p2', cover: 'media/shared' });
    await firestore.doc('plain/x').set({ projectId: 'p1', cover: 'media/plain' });
    for (const name of [...names, 'media/plain', 'media/no-field-of-files']) bucket.upload(name);
    for (const path of ['storyboards/s1', 'storyboards/s1/scenes/c1', 'storyboards/other']) await index(path);
  }

  const dependencies = () => ({ ...fixture.dependencies, settings, bucket });
  const index = (path: string) => indexAsset(dependencies(), path);
  const worker = (change: Parameters<SyncFixture['worker2']>[0] = {}) =>
    fixture.worker2({ files: settings, ...change });
  const budget = () => ({ deadline: fixture.clock.now() + 10 * minuteMs, signal: new AbortController().signal });

  /** What is there to be removed, by records. */
  async function asked(): Promise<string[]> {
    const { docs } = await fixture.firestore.collection('syncFiles').where('kind', '==', 'removal').get();
    return docs.flatMap((document): string[] => document.get('files')).sort();
  }

  /** Events of the deleted assets arrive, and the grace time passes. */
  async function remove(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      const { docs } = await fixture.firestore.collection('syncFiles').where('kind', '==', 'asset').get();
      await Promise.all(docs.map((document) => index(document.get('holder'))));
      fixture.clock.advance(settings.graceMs);
      const indexArchive = createIndexArchive({ ...dependencies(), cold: null });
      await removeDueFiles({ ...dependencies(), indexArchive }, budget());
    }
  }

  it('has their files removed in one write more, and those below them', async () => {
    await start();
    const before = fixture.server.meter.snapshot();
    await worker().apply(event('ProjectDeleted', 'p1'), budget());
    const { collections: used } = fixture.server.meter.diff(before);
    assert.equal(used.syncFiles?.writes, 1);
    assert.deepEqual(await asked(), names);
    assert.deepEqual(bucket.calls, { find: 0, deleteVersion: 0, list: 0 });
    await remove();
    assert.deepEqual(bucket.names(), ['media/no-field-of-files', 'media/plain', 'media/shared']);
  });

  it('has those of a file that two deleted assets name removed once both are gone', async () => {
    await start();
    await worker().apply(event('ProjectDeleted', 'p1'), budget());
    await remove();
    assert.ok(bucket.names().includes('media/shared'));
    await worker().apply(event('ProjectDeleted', 'p2'), budget());
    await remove();
    assert.ok(!bucket.names().includes('media/shared'));
  });

  it('reads and writes nothing more without files, though others have some', async () => {
    const cost = async (files: typeof settings | undefined) => {
      await start();
      await fixture.firestore.recursiveDelete(fixture.firestore.collection('storyboards'));
      for (let at = 0; at < 300; at += 1) await fixture.firestore.doc(`plain/${at}`).set({ projectId: 'p1' });
      const before = fixture.server.meter.snapshot();
      await fixture.worker2({ files }).apply(event('ProjectDeleted', 'p1'), budget());
      const { reads, writes, deletes } = fixture.server.meter.diff(before);
      return { reads, writes, deletes };
    };
    const usual = await cost(undefined);
    await fixture.close();
    assert.deepEqual(await cost(settings), usual);
  });

  it('keeps their files for as long as the archive keeps them', async () => {
    await start(archiving);
    await worker().apply(event('ProjectDeleted', 'p1'), budget());
    assert.deepEqual(await asked(), []);
    const { docs } = await fixture.firestore.collection('syncFiles').where('kind', '==', 'archive').get();
    assert.deepEqual(docs.flatMap((document): string[] => document.get('names')).sort(), names);
    // A file of an archived asset that a deleted one names as well stays.
    await fixture.worker2({ files: settings, config }).apply(event('ProjectDeleted', 'p2'), budget());
    assert.deepEqual(await asked(), ['media/shared']);
    await remove();
    assert.ok(bucket.names().includes('media/shared'));
  });

  const deaths = [
    ['forgets no file and removes none early, wherever its worker dies before a write', false],
    ['forgets no file and removes none early, wherever its worker dies after a write', true],
  ] as const;
  for (const [does, afterEffect] of deaths) {
    it(does, async () => {
      for (let survived = 0; ; survived += 1) {
        await start();
        for (let at = 0; at < 12; at += 1) {
          bucket.upload(`media/more-${at}`);
          await fixture.firestore.doc(`storyboards/more-${at}`).set({ projectId: 'p1', cover: `media/more-${at}` });
        }
        bucket.beforeDelete = async (name) => {
          const { size } = await fixture.firestore.collection('storyboards').where('cover', '==', name).get();
          assert.equal(size, 0, `${name} went before its asset`);
        };
        const deleted = event('ProjectDeleted', 'p1');
        const { faults } = fixture.server;
        if (survived > 0) faults.inject('Commit', { latencyMs: 0 }, survived);
        faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' }, afterEffect }, 1_000);
        const died = await worker()
          .apply(deleted, budget())
          .then(
            () => false,
            () => true,
          );
        faults.clear();
        await remove();
        fixture.clock.advance(10 * minuteMs);
        await worker().apply(deleted, budget());
        await remove();
        const left = ['media/no-field-of-files', 'media/plain', 'media/shared'];
        assert.deepEqual(bucket.names(), left, `after ${survived} writes`);
        if (!died) {
          assert.ok(survived >= 3, `${survived} writes`);
          return;
        }
        await fixture.close();
      }
    });
  }
});
