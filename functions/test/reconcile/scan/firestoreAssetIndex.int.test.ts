import assert from 'node:assert/strict';
import type { Firestore } from 'firebase-admin/firestore';
import type { FirestoreServer } from '../../../local/servers/firestore/server.ts';
import { systemClock } from '../../../src/clock.ts';
import { type Config, defineConfig } from '../../../src/config/defineConfig.ts';
import { requiredIndexes } from '../../../src/reconcile/requiredIndexes.ts';
import { type AssetIndex, emptyMeter, type ReadMeter, tuplesPerCount } from '../../../src/reconcile/scan/assetIndex.ts';
import { createFirestoreAssetIndex } from '../../../src/reconcile/scan/firestoreAssetIndex.ts';
import { hopProjects } from '../../../src/reconcile/scan/hopScan.ts';
import { projectsWithMissingCopies } from '../../../src/reconcile/scan/missingCopies.ts';
import { createPagePacer } from '../../../src/reconcile/scan/pagePacer.ts';
import type { ProjectAssets } from '../../../src/reconcile/scan/projectAssets.ts';
import { createReadGate } from '../../../src/reconcile/scan/readGate.ts';
import { type AdminClient, startAdminClient } from '../../local/servers/firestore/adminClient.ts';
import { until } from '../../support/until.ts';
import { allIds } from './modelIndex.ts';

const config = defineConfig({
  source: { database: 'collaboration', collection: 'projects', fields: ['name', 'profile.color'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'analyses', projectId: 'projectId' },
    {
      path: 'studios/main/media',
      projectId: 'meta.projectId',
      copies: { name: 'meta.name', 'profile.color': 'color' },
    },
    { group: 'scenes', projectId: 'projectId' },
    { group: 'shots', projectId: 'ref.id', copies: { name: 'ref.name' } },
  ],
});

describe('asset index on Firestore', () => {
  let client: AdminClient;
  let server: FirestoreServer;
  let firestore: Firestore;

  before(async () => {
    client = await startAdminClient({ indexes: requiredIndexes(config) });
    server = client.server;
    firestore = client.db;
  });
  beforeEach(() => server.clear());
  after(() => client.close());

  function indexOf(name: string, from: Config = config): { index: AssetIndex; meter: ReadMeter } {
    const collection = from.collections.find((candidate) => candidate.name === name);
    assert.ok(collection);
    const meter = emptyMeter();
    const gate = createReadGate({ clock: systemClock, signal: new AbortController().signal, parallel: 10 });
    return { index: createFirestoreAssetIndex({ firestore, collection, gate, meter }), meter };
  }

  async function scan(index: AssetIndex, closer = false): Promise<ProjectAssets[]> {
    const pacer = createPagePacer({ wasteShare: 0.05, maxPage: 300, streams: 1 });
    pacer.open(1);
    const projects: ProjectAssets[] = [];
    const stream = closer
      ? projectsWithMissingCopies({ index, pacer }, allIds)
      : hopProjects({ index, pacer, order: 'tuples' }, allIds);
    for await (const project of stream) projects.push(project);
    return projects;
  }

  async function write(path: string, assets: readonly object[]): Promise<void> {
    for (let at = 0; at < assets.length; at += 400) {
      const batch = firestore.batch();
      for (const asset of assets.slice(at, at + 400)) batch.create(firestore.collection(path).doc(), asset);
      await batch.commit();
    }
  }

  /** Project ids as assets have them, six assets each. */
  const ids = ['b', 'a', '\uffff', '\u{10000}'].flatMap((projectId) => Array.from({ length: 6 }, () => projectId));
  const sorted = ['a', 'b', '\uffff', '\u{10000}'];

  it('counts both at one time: an asset that comes meanwhile does not hide one that differs', async () => {
    const { index } = indexOf('storyboards');
    await firestore.doc('storyboards/stale').set({ projectId: 'p1', projectName: 'old' });
    const counts = () => server.meter.snapshot().rpcs.RunAggregationQuery ?? 0;
    const before = counts();
    server.faults.inject('RunAggregationQuery', { latencyMs: 0 });
    server.faults.inject('RunAggregationQuery', { latencyMs: 300 });
    const counting = index.countEqual(allIds, [{ projectId: 'p1', copies: ['new'] }]);
    await until(() => counts() > before + 1);
    await firestore.doc('storyboards/right').set({ projectId: 'p1', projectName: 'new' });
    assert.deepEqual(await counting, { ids: 1, equal: 0 });
  });

  it('counts the assets of a range, and those of them that show expected values of any type', async () => {
    const values = [
      ...['name', '', null, true, 7, 7.5, Number.NaN, new Date(1_700_000_000_123)],
      ...[['mara', 'joon'], [], { a: 1, b: [null, 'x'] }, {}],
    ];
    const tuples = values.map((value, number) => ({
      projectId: `p${String(number).padStart(2, '0')}`,
      copies: [value, 'blue'],
    }));
    const asset = (projectId: string, name: unknown) => ({ meta: { projectId, name }, color: 'blue' });
    await write(
      'studios/main/media',
      tuples.flatMap(({ projectId, copies: [value] }) => [asset(projectId, value), asset(projectId, value)]),
    );
    const { index, meter } = indexOf('studios/main/media');
    assert.deepEqual(await index.countEqual(allIds, tuples), { ids: 2 * values.length, equal: 2 * values.length });
    assert.equal(meter.counts, 2);
    assert.equal(server.meter.snapshot().collections.studios?.reads, meter.counts);

    // Each of these is one more asset, and none of the expected ones.
    const others = [asset('p00', 'other'), asset('p00', undefined), asset('p005', 'name'), asset('p01', null)];
    await write(
      'studios/main/media',
      others.map(({ meta, color }) => ({ meta: JSON.parse(JSON.stringify(meta)), color })),
    );
    const { ids: all, equal } = await index.countEqual(allIds, tuples);
    assert.deepEqual([all - equal, equal], [others.length, 2 * values.length]);
    const within = { from: 'p02', to: 'p04' };
    assert.deepEqual(await index.countEqual(within, tuples.slice(2, 4)), { ids: 4, equal: 4 });
  });

  it('counts as many tuples at once as a query may have conditions, whatever the copies are', async () => {
    for (const [name, most] of [
      ['analyses', 30],
      ['storyboards', 30],
      ['studios/main/media', 30],
      ['shots', 30],
    ] as const) {
      const { index } = indexOf(name);
      assert.equal(tuplesPerCount(index.collection), most);
      const copies = Object.keys(index.collection.copies).map(() => 'x');
      const tuples = Array.from({ length: most }, (_, number) => ({ projectId: `p${number}`, copies }));
      assert.deepEqual(await index.countEqual(allIds, tuples), { ids: 0, equal: 0 });
    }
    assert.equal(tuplesPerCount({ copies: { a: 'a', b: 'b', c: 'c' } }), 24);
  });

  it('hops over the projects of a collection, one read each, as the server bills it', async () => {
    await write(
      'analyses',
      ids.map((projectId) => ({ projectId, big: 'x'.repeat(100) })),
    );
    const { index, meter } = indexOf('analyses');
    server.meter.reset();
    const projects = await scan(index);
    assert.deepEqual(
      projects.map(({ projectId }) => projectId),
      sorted,
    );
    assert.deepEqual(meter, { hops: sorted.length + 1, counts: 0, closer: 0 });
    assert.equal(server.meter.snapshot().reads, meter.hops);
  });

  it('hops over (project, copies) with nested fields', async () => {
    await write(
      'studios/main/media',
      ids.map((id, number) => ({
        meta: { projectId: id, name: id === 'a' ? `name ${number % 2}` : null },
        color: id === 'b' ? { red: 1 } : 7,
      })),
    );
    const { index, meter } = indexOf('studios/main/media');
    server.meter.reset();
    const projects = await scan(index);
    assert.deepEqual(
      projects.map(({ projectId, tuples }) => [projectId, tuples]),
      [
        [
          'a',
          [
            ['name 0', 7],
            ['name 1', 7],
          ],
        ],
        ['b', [[null, { red: 1 }]]],
        ['\uffff', [[null, 7]]],
        ['\u{10000}', [[null, 7]]],
      ],
    );
    assert.equal(meter.hops, 6);
    assert.equal(server.meter.snapshot().reads, 6);
  });

  it('hops over collection groups, with and without copies', async () => {
    for (const [number, id] of ids.entries()) {
      await firestore.doc(`boards/${number}/scenes/s`).create({ projectId: id });
      await firestore.doc(`films/f/parts/${number}/shots/s`).create({ ref: { id, name: 'n' } });
    }
    for (const name of ['scenes', 'shots']) {
      const { index } = indexOf(name);
      const projects = await scan(index);
      assert.deepEqual(
        projects.map(({ projectId }) => projectId),
        sorted,
        name,
      );
      assert.deepEqual(await index.count(allIds), { ids: ids.length, tuples: ids.length });
      assert.ok(projects[0]?.examplePath.endsWith('/s'));
    }
  });

  it('counts what is in no index, and what is no text', async () => {
    const values = [null, true, 7, Number.NaN, new Date(0), '', 'a', 'b', Buffer.from('x'), ['a'], { a: 1 }];
    await write(
      'analyses',
      values.map((projectId) => ({ projectId })),
    );
    await write('analyses', [{}, { project: 'a' }]);
    const { index, meter } = indexOf('analyses');
    server.meter.reset();
    assert.deepEqual(await index.countAll(), { assets: 13, withProjectId: 11, withText: { ids: 2, tuples: 2 } });
    assert.equal(server.meter.snapshot().reads, meter.counts);
    const unusable = await index.unusable(100);
    assert.equal(unusable.length, 9);
    assert.equal((await index.unusable(3)).length, 3);
    assert.deepEqual(
      (await scan(index)).map(({ projectId }) => projectId),
      ['a', 'b'],
    );
  });

  it('finds the projects whose assets lack a copy', async () => {
    const perProject = 20;
    const assets = Array.from({ length: 40 * perProject }, (_, number) => ({
      projectId: String(Math.floor(number / perProject)).padStart(3, '0'),
      ...(number !== 333 && { projectName: 'n' }),
    }));
    await write('storyboards', assets);
    const { index, meter } = indexOf('storyboards');
    assert.deepEqual((await index.countAll()).withText, { ids: 800, tuples: 799 });
    server.meter.reset();
    meter.counts = 0;
    const projects = await scan(index, true);
    assert.equal(projects.length, 40);
    assert.deepEqual(
      projects.filter(({ tuples }) => tuples.some(([name]) => name === undefined)).map(({ projectId }) => projectId),
      ['016'],
    );
    assert.equal(server.meter.snapshot().reads, meter.hops + meter.counts + meter.closer);
  });

  it('is refused without the indexes that are required', async () => {
    const bare = await startAdminClient({ indexes: { indexes: [], fieldOverrides: [] } });
    try {
      const gate = createReadGate({ clock: systemClock, signal: new AbortController().signal, parallel: 1 });
      for (const collection of config.collections.filter(({ name }) => name !== 'analyses')) {
        const index = createFirestoreAssetIndex({ firestore: bare.db, collection, gate, meter: emptyMeter() });
        // Counting runs in a transaction, where the SDK does not try again for seconds.
        await assert.rejects(index.count(allIds), /index/i, collection.name);
      }
    } finally {
      await bare.close();
    }
  });
});
