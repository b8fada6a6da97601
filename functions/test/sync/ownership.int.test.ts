// Attacks I5: an asset belongs to the project that its own field names, and to the deletion only if it existed before.
import assert from 'node:assert/strict';
import { FieldPath } from 'firebase-admin/firestore';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from './worker.fixture.ts';

describe('a deletion', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
  });
  afterEach(() => fixture.close());

  const budget = () => ({ deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal });

  async function put(documents: Readonly<Record<string, Record<string, unknown>>>): Promise<void> {
    const writer = fixture.firestore.bulkWriter({ throttling: false });
    for (const [path, data] of Object.entries(documents)) void writer.set(fixture.firestore.doc(path), data);
    await writer.close();
  }

  async function paths(): Promise<string[]> {
    const all = await fixture.firestore.collectionGroup('').orderBy(FieldPath.documentId()).get();
    return all.docs.map(({ ref }) => ref.path).filter((path) => !path.startsWith('sync'));
  }

  it('leaves what names another project below a deleted asset, with all that lies below it', async () => {
    await put({
      'storyboards/s1': { projectId: 'a' },
      'storyboards/s1/panels/own': { text: 'no project of its own' },
      'storyboards/s1/panels/own/notes/n': { projectId: 'a' },
      'storyboards/s1/scenes/foreign': { meta: { projectId: 'b' } },
      'storyboards/s1/scenes/foreign/takes/1': { text: 'below what stays' },
      'storyboards/s1/scenes/foreign/takes/1/frames/f': { projectId: 'a' },
      'storyboards/s1/scenes/own': { meta: { projectId: 'a' } },
      'storyboards/s1/storyboards/moved': { projectId: 'b' },
      'storyboards/s1/zebras/after': { text: 'behind what stays' },
      'storyboards/s2': { projectId: 'b' },
      'storyboards/s2/scenes/x': { meta: { projectId: 'a' } },
    });
    await fixture.deliver(event('ProjectDeleted', 'a'));
    assert.deepEqual(await paths(), [
      'storyboards/s1/scenes/foreign',
      'storyboards/s1/scenes/foreign/takes/1',
      'storyboards/s1/scenes/foreign/takes/1/frames/f',
      'storyboards/s1/storyboards/moved',
      'storyboards/s2',
    ]);
  });

  it('comes to an end below an asset where more stays than one page takes', async () => {
    const numbered = (prefix: string, data: Record<string, unknown>) =>
      Object.fromEntries(
        Array.from({ length: 950 }, (_, index) => [`${prefix}${String(index).padStart(4, '0')}`, data]),
      );
    await put({
      'storyboards/s1': { projectId: 'a' },
      ...numbered('storyboards/s1/panels/p', {}),
      ...numbered('storyboards/s1/scenes/s', { meta: { projectId: 'b' } }),
      ...numbered('storyboards/s1/scenes/s0000/takes/t', {}),
      ...numbered('storyboards/s1/zebras/z', {}),
    });
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const left = await paths();
    assert.equal(left.length, 2 * 950);
    assert.ok(left.every((path) => path.startsWith('storyboards/s1/scenes/')));
  });

  // Ids of this form are numbers, and sort before all texts: documents that have come from Datastore have them.
  it('leaves the neighbours of an asset whose id is a number, and what lies below them', async () => {
    const stays = {
      'storyboards/ABC': { title: 'a template' },
      'storyboards/ABC/panels/p': { text: 'below a template' },
      'storyboards/__id-1__': { title: 'a template' },
      'storyboards/__id6__': { title: 'a template' },
      'storyboards/__id6__/panels/p': { text: 'below a template' },
      'storyboards/__id7__': { projectId: 'b' },
      'storyboards/__id7__/panels/p': { text: 'below an asset' },
    };
    const largest = 'storyboards/__id9223372036854775807__';
    await put({
      ...stays,
      'storyboards/__id5__': { projectId: 'a' },
      'storyboards/__id5__/panels/__id1__': {},
      [largest]: { projectId: 'a' },
      [`${largest}/panels/p`]: {},
    });
    await fixture.deliver(event('ProjectDeleted', 'a'));
    assert.deepEqual((await paths()).sort(), Object.keys(stays).sort());
  });

  it('takes what lies below an asset behind a number that stays, where that takes several pages', async () => {
    const last = 950;
    const frames = Array.from({ length: last }, (_, index) => `storyboards/s1/panels/__id${index + 1}__`);
    const isForeign = (index: number) => index % 2 === 1;
    await put({
      'storyboards/s1': { projectId: 'a' },
      ...Object.fromEntries(frames.map((path, index) => [path, isForeign(index) ? { projectId: 'b' } : {}])),
    });
    await fixture.deliver(event('ProjectDeleted', 'a'));
    assert.deepEqual((await paths()).sort(), frames.filter((_, index) => isForeign(index)).sort());
  });

  it('does not touch what was created after it', async () => {
    const deletion = event('ProjectDeleted', 'a', {}, 1_000);
    await put({ 'media/late': { projectId: 'a' }, 'storyboards/late': { projectId: 'a' } });
    await fixture.deliver(deletion);
    assert.deepEqual(await paths(), ['media/late', 'storyboards/late']);
  });

  it('stops when the project is created again in MongoDB, before anything of the new life goes, while the news is behind', async () => {
    const count = assetsPerPage * 3;
    await put(Object.fromEntries(Array.from({ length: count }, (_, index) => [`media/m${index}`, { projectId: 'a' }])));
    let pages = 0;
    const worker = fixture.worker2({
      throttle: oneAtATime(() => {
        pages += 1;
        if (pages > 1) return;
        fixture.alive.set('a', { name: 'again', status: 'new' });
        void fixture.firestore.doc('media/z-new').set({ projectId: 'a', projectName: 'again' });
      }),
    });
    const outcome = await worker.apply(event('ProjectDeleted', 'a'), budget());
    assert.equal(outcome.kind, 'contradicted');
    const media = await fixture.documents('media');
    assert.ok(media.size < count && media.has('media/z-new'));
    assert.ok([...media.values()].every(({ projectName }) => projectName === 'again'));
    const record = await fixture.record('a');
    assert.deepEqual([record.desired.kind, record.deletedAt], ['live', null]);
  });

  it('asks MongoDB after young assets were read, and deletes none of them when the project lives by then', async () => {
    await put({ 'media/m1': { projectId: 'a' } });
    const { truth } = fixture.dependencies;
    let asked = 0;
    const worker = fixture.worker2({
      truth: {
        async ask(projectIds) {
          asked += 1;
          // After the final check, before the page is committed: created again, with an asset that the page has read
          // already.
          if (asked === 2) fixture.alive.set('a', { name: 'again' });
          return truth.ask(projectIds);
        },
      },
    });
    await worker.apply(event('ProjectDeleted', 'a'), budget());
    assert.deepEqual(await paths(), ['media/m1']);
  });

  it('costs at most 1.1 reads per document below recursive assets, at any depth', async () => {
    const documents: Record<string, Record<string, unknown>> = {};
    for (let board = 0; board < 12; board += 1) {
      documents[`storyboards/b${board}`] = { projectId: 'a' };
      for (let panel = 0; panel < 100; panel += 1) {
        documents[`storyboards/b${board}/panels/p${panel}`] = {};
        documents[`storyboards/b${board}/panels/p${panel}/notes/n/more/m`] = {};
      }
    }
    await put(documents);
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const after = fixture.server.meter.snapshot();
    const deletes = after.deletes - before.deletes;
    assert.equal(deletes, Object.keys(documents).length);
    assert.ok(
      after.reads - before.reads <= deletes * 1.1,
      `${after.reads - before.reads} reads for ${deletes} deletes`,
    );
    assert.deepEqual(await paths(), []);
  });

  it('costs at most 8 reads and 4 writes for a handful of assets in several collections, in one transaction', async () => {
    await put({
      'storyboards/s1': { projectId: 'a' },
      'media/m1': { projectId: 'a' },
      'analyses/a1': { projectId: 'a' },
      'scenes/x': { meta: { projectId: 'a' } },
    });
    // Each process reads what is paused once in five seconds.
    await fixture.dependencies.control.read();
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const after = fixture.server.meter.snapshot();
    const { reads, writes, deletes } = {
      reads: after.reads - before.reads,
      writes: after.writes - before.writes,
      deletes: after.deletes - before.deletes,
    };
    assert.ok(reads <= 8 && writes <= 4 && deletes === 4, JSON.stringify({ reads, writes, deletes }));
  });
});
