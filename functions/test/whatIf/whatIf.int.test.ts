import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { operationNamed } from '../../src/operations/all.ts';
import { previewOperation, runOperation } from '../../src/operations/runOperation.ts';
import { estimateChange } from '../../src/whatIf/estimate.ts';
import { startOperationsFixture, viewer } from '../operations/operations.fixture.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';

// What is promised of a change is compared with what the change then costs, by the meter of the local Firestore.
describe('what if a project were deleted or renamed', () => {
  let fixture: SyncFixture;
  const id = new ObjectId().toHexString();
  const other = new ObjectId().toHexString();

  beforeEach(async () => {
    fixture = await startSyncFixture();
    const { firestore } = fixture;
    const batch = firestore.batch();
    for (const projectId of [id, other]) {
      for (let n = 0; n < 40; n += 1) {
        const asset = firestore.collection('storyboards').doc();
        batch.create(asset, { projectId, projectName: 'old' });
        if (n % 4 === 0) batch.create(asset.collection('frames').doc(), { n });
        batch.create(firestore.collection('analyses').doc(), { projectId });
      }
      batch.create(firestore.collection('media').doc(), { projectId, projectName: 'old', meta: { status: 'draft' } });
    }
    await batch.commit();
  });
  afterEach(() => fixture.close());

  const estimate = (change: 'delete' | 'rename', ids = [id]) => estimateChange(fixture.dependencies, ids, change);

  it('counts by collection, writes nothing, and says what the counting has cost', async () => {
    const before = fixture.server.meter.snapshot();
    const { collections, ownReads } = await estimate('delete');
    const { reads, writes, deletes } = fixture.server.meter.diff(before);
    assert.deepEqual({ writes, deletes }, { writes: 0, deletes: 0 });
    assert.equal(ownReads, reads);
    assert.deepEqual(
      collections.map(({ name, assets, below }) => [name, assets, below]),
      [
        ['storyboards', 40, 10],
        ['media', 1, 0],
        ['analyses', 40, 0],
        ['scenes', 0, 0],
      ],
    );
  });

  it('reckons what lies below many assets from some of them', async () => {
    for (let n = 0; n < 60; n += 1) {
      const asset = fixture.firestore.collection('storyboards').doc();
      await asset.create({ projectId: id });
      await asset.collection('frames').doc().create({ n });
    }
    const before = fixture.server.meter.snapshot();
    const { collections } = await estimate('delete');
    assert.ok(fixture.server.meter.diff(before).reads < 2 * 50 + 10);
    const [storyboards] = collections;
    assert.equal(storyboards?.isReckoned, true);
    assert.ok((storyboards?.below ?? 0) > 30 && (storyboards?.below ?? 0) <= 100, `${storyboards?.below}`);
  });

  it('what a deletion then costs is about what was said', async () => {
    await fixture.deliver(event('ProjectUpdated', id, { name: 'old' }));
    const { total } = await estimate('delete');
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectDeleted', id));
    const cost = fixture.server.meter.diff(before);
    assert.equal(cost.deletes, total.deletes);
    assert.ok(Math.abs(cost.writes - total.writes) <= 2, `${cost.writes} writes, ${total.writes} were said`);
    assert.ok(cost.reads <= 1.5 * total.reads && cost.reads >= 0.5 * total.reads, `${cost.reads}, said ${total.reads}`);
  });

  it('what a rename then costs is about what was said', async () => {
    await fixture.deliver(event('ProjectUpdated', id, { name: 'old', status: 'draft' }));
    const { total } = await estimate('rename');
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectUpdated', id, { name: 'new' }));
    const cost = fixture.server.meter.diff(before);
    assert.equal(cost.deletes, 0);
    assert.ok(Math.abs(cost.writes - total.writes) <= 2, `${cost.writes} writes, ${total.writes} were said`);
    assert.ok(cost.reads <= 1.5 * total.reads && cost.reads >= 0.5 * total.reads, `${cost.reads}, said ${total.reads}`);
  });

  it('adds up what several projects would touch, each once', async () => {
    const one = await estimate('delete');
    const both = await estimate('delete', [id, other, id]);
    assert.equal(both.total.deletes, 2 * one.total.deletes);
  });
});

describe('what if a project has assets at a path with wildcards', () => {
  let fixture: SyncFixture;
  const config = defineConfig({
    source: { database: 'd', collection: 'projects', fields: ['name'] },
    collections: [
      { path: 'tenants/{tenant}/boards', projectId: 'projectId', subcollections: 'recursive' },
      { path: 'trash/{tenant}/boards', projectId: 'projectId' },
    ],
  });
  const firestore = () => fixture.firestore;
  beforeEach(async () => {
    fixture = await startSyncFixture({ config });
  });
  afterEach(() => fixture.close());

  async function write(path: string, count: number): Promise<void> {
    const batch = firestore().batch();
    for (let n = 0; n < count; n += 1) batch.create(firestore().collection(path).doc(), { projectId: 'p1' });
    await batch.commit();
  }

  it('counts each where it is, and not what has the same collection id elsewhere', async () => {
    await write('archived/t1/boards', 60);
    await write('tenants/t1/boards', 3);
    await write('trash/t1/boards', 2);
    const [board] = (await firestore().collection('tenants/t1/boards').limit(1).get()).docs;
    await board?.ref.collection('notes').doc('n1').create({ text: 'below' });
    const before = fixture.server.meter.snapshot();
    const { collections, total, ownReads } = await estimateChange(fixture.dependencies, ['p1'], 'delete');
    assert.equal(ownReads, fixture.server.meter.diff(before).reads);
    assert.deepEqual(
      collections.map(({ name, assets, below, isAbout }) => [name, assets, below, isAbout]),
      [
        ['tenants/{tenant}/boards', 3, 1, false],
        ['trash/{tenant}/boards', 2, 0, false],
      ],
    );
    const beforeDeletion = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    assert.equal(fixture.server.meter.diff(beforeDeletion).deletes, total.deletes);
  });

  it('says that it is about so many, where there are many', async () => {
    await write('tenants/t1/boards', 240);
    const { collections } = await estimateChange(fixture.dependencies, ['p1'], 'rename');
    assert.deepEqual(
      collections.map(({ assets, isAbout }) => [assets, isAbout]),
      [
        [240, true],
        [0, true],
      ],
    );
  });
});

describe('operation what-if', () => {
  it('is a viewer’s, leaves no trace, and names what it would cost', async () => {
    const fixture = await startOperationsFixture();
    try {
      const operation = operationNamed('what-if');
      assert.ok(operation !== undefined);
      const input = { projectIds: [new ObjectId().toHexString()], change: 'delete' };
      const before = fixture.server.meter.snapshot();
      const previewed = await previewOperation(fixture.services, operation, { actor: viewer, input });
      assert.ok(previewed.kind === 'preview');
      const names = previewed.preview.details.map(({ name }) => name);
      for (const name of ['assets in media', 'reads', 'deletes', 'at list price', 'reads of this estimate']) {
        assert.ok(names.includes(name), name);
      }
      assert.equal(previewed.preview.needsConfirmation, false);
      const done = await runOperation(fixture.services, operation, { actor: viewer, reason: 'curious', input });
      assert.deepEqual(done, {
        kind: 'done',
        outcome: {
          result: '1 projects, if they were deleted; nothing was changed',
          count: 1,
          sequence: null,
          jobId: null,
        },
      });
      const { writes, deletes } = fixture.server.meter.diff(before);
      assert.deepEqual({ writes, deletes }, { writes: 0, deletes: 0 });
    } finally {
      await fixture.close();
    }
  });
});
