// Attacks I13: at every commit each asset is at its place or in exactly one page of the archive.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Firestore, GeoPoint, QuerySnapshot, Timestamp, type Transaction } from 'firebase-admin/firestore';
import { dayMs } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { archiving, assertNothingGone, assetsOfA, put, whereabouts } from './archive.fixture.ts';
import { readArchive } from './readArchive.ts';

interface Call {
  readonly name: PropertyKey;
  readonly result: unknown;
}

/** A client that shows what each transaction has called, before it is committed. */
function watched(firestore: Firestore, onCalls: (calls: readonly Call[]) => void): Firestore {
  const watchedTransaction = (transaction: Transaction, calls: Call[]) =>
    new Proxy(transaction, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const result: unknown = value.apply(target, args);
          calls.push({ name, result });
          return result;
        };
      },
    });
  return new Proxy(firestore, {
    get(target, key) {
      if (key !== 'runTransaction') return Reflect.get(target, key, target);
      const run: typeof target.runTransaction = (act, options) =>
        target.runTransaction(async (transaction) => {
          const calls: Call[] = [];
          const answer = await act(watchedTransaction(transaction, calls));
          onCalls(await Promise.all(calls.map(async ({ name, result }) => ({ name, result: await result }))));
          return answer;
        }, options);
      return run;
    },
  });
}

describe('a deletion in archived collections', function () {
  this.timeout(60_000);
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture({ config: archiving });
  });
  afterEach(() => fixture.close());

  it('archives the whole documents, with what lies below them; what is not archived is gone', async () => {
    const { firestore } = fixture;
    const seeded = {
      'storyboards/s1': {
        projectId: 'a',
        at: new Timestamp(1, 123_456_000),
        where: new GeoPoint(1, 2),
        n: Number.NaN,
      },
      'storyboards/s1/panels/p1': { of: firestore.doc('storyboards/s1'), bytes: Buffer.from([0, 1, 255]) },
      'storyboards/s1/panels/p1/notes/n': { $text: 'deep' },
      'media/m1': { projectId: 'a', title: 'one' },
    };
    const others = { 'storyboards/s2': { projectId: 'b' }, 'storyboards/s1/panels/foreign': { projectId: 'b' } };
    await put(firestore, { ...seeded, ...others, 'analyses/x': { projectId: 'a' } });
    const deletion = event('ProjectDeleted', 'a');
    await fixture.deliver(deletion);
    const { living, archived } = await assertNothingGone(firestore, { ...seeded, ...others });
    assert.deepEqual([...living.keys()].sort(), Object.keys(others).sort());
    assert.deepEqual([...archived.keys()].sort(), Object.keys(seeded).sort());

    const now = fixture.clock.now();
    const about = (await readArchive(firestore)).map(({ path, record }) => [
      path,
      record.collection,
      record.projectId,
      record.version,
      Math.round((record.expireAt - now) / dayMs),
    ]);
    const panels = 'storyboards/s1/panels/p1';
    assert.deepEqual(about.sort(), [
      ['media/m1', 'media', 'a', deletion.version, 30],
      ['storyboards/s1', 'storyboards', 'a', deletion.version, 7],
      [panels, 'storyboards', 'a', deletion.version, 7],
      [`${panels}/notes/n`, 'storyboards', 'a', deletion.version, 7],
    ]);
  });

  it('costs no page more than one write for every 20 small assets, and reads each asset once', async () => {
    await put(fixture.firestore, assetsOfA(0, 0, 1_000));
    const before = fixture.server.meter.snapshot();
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const { collections } = fixture.server.meter.diff(before);
    const pages = collections.syncArchive?.writes ?? 0;
    assert.ok(pages > 0 && pages <= 50, `${pages} pages of the archive`);
    assert.equal(collections.media?.deletes, 1_000);
    assert.ok((collections.media?.reads ?? 0) <= 1_010, `${collections.media?.reads} reads`);
  });

  it('of assets near 1 MiB that cannot be compressed goes on in small pages, each of them in parts', async () => {
    const seeded = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [
        `media/m${index}`,
        { projectId: 'a', image: randomBytes(1_047_000), index },
      ]),
    );
    await put(fixture.firestore, seeded);
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const { living } = await assertNothingGone(fixture.firestore, seeded);
    assert.equal(living.size, 0);
    assert.deepEqual(fixture.deadLetters.messages, []);
    const archived = await readArchive(fixture.firestore);
    assert.ok(archived.every(({ record }) => record.part?.of === 2 && record.count === 1));
  });

  it('takes large and small assets, and those with much below them, whichever comes first', async () => {
    const seeded = {
      ...assetsOfA(12, 12, 100),
      ...Object.fromEntries(
        Array.from({ length: 4 }, (_, index) => [
          `media/m${String(index * 20).padStart(4, '0')}x`,
          { projectId: 'a', text: 'ä'.repeat(500_000) },
        ]),
      ),
      ...Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [`storyboards/b007/images/${index}`, { image: randomBytes(700_000) }]),
      ),
      ...Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`storyboards/b009/frames/${index}`, { index }])),
    };
    await put(fixture.firestore, seeded);
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const { living } = await assertNothingGone(fixture.firestore, seeded);
    assert.deepEqual([...living.keys()], []);
  });

  it('is halved where Firestore calls it too big, and stays lossless', async () => {
    const { firestore } = fixture;
    const narrow = 5;
    const seeded = assetsOfA(6, 4, 40);
    await put(firestore, seeded);
    let refusals = 0;
    const refusing = watched(firestore, (calls) => {
      if (calls.filter(({ name }) => name === 'delete').length <= narrow) return;
      refusals += 1;
      throw Object.assign(new Error('3 INVALID_ARGUMENT: Transaction too big.'), { code: 3 });
    });
    const outcome = await fixture.worker2({ firestore: refusing }).apply(event('ProjectDeleted', 'a'), budget());
    assert.equal(outcome.kind, 'applied');
    assert.ok(refusals > 0);
    const { living } = await assertNothingGone(firestore, seeded);
    assert.equal(living.size, 0);
  });

  it('keeps what lies in an archived collection below an asset of one that is not', async () => {
    const config = defineConfig({
      source: { database: 'd', collection: 'projects' },
      collections: [
        { path: 'storyboards', projectId: 'projectId', subcollections: 'recursive' },
        { group: 'scenes', projectId: 'projectId', onDelete: 'archive' },
      ],
    });
    const { firestore } = fixture;
    const scene = { projectId: 'a', text: 'the end' };
    await put(firestore, {
      'storyboards/s1': { projectId: 'a' },
      'storyboards/s1/panels/p': { panel: 1 },
      'storyboards/s1/scenes/x': scene,
    });
    await fixture.worker2({ config }).apply(event('ProjectDeleted', 'a'), budget());
    const { living, archived } = await assertNothingGone(firestore, { 'storyboards/s1/scenes/x': scene });
    assert.deepEqual([[...living.keys()], [...archived.keys()]], [[], ['storyboards/s1/scenes/x']]);
  });

  it('reads keys only where nothing is archived', async () => {
    await put(fixture.firestore, {
      'storyboards/s1': { projectId: 'a' },
      'media/m1': { projectId: 'a' },
      'analyses/x1': { projectId: 'a', text: 'long' },
    });
    const read = new Map<string, readonly string[]>();
    const watching = watched(fixture.firestore, (calls) => {
      for (const { result } of calls) {
        if (!(result instanceof QuerySnapshot)) continue;
        for (const document of result.docs) read.set(document.ref.path, Object.keys(document.data()));
      }
    });
    await fixture.worker2({ firestore: watching }).apply(event('ProjectDeleted', 'a'), budget());
    assert.deepEqual(Object.fromEntries(read), {
      'storyboards/s1': ['projectId'],
      'media/m1': ['projectId'],
      'analyses/x1': [],
    });
  });

  it('writes nothing in shadow mode', async () => {
    const seeded = assetsOfA(3, 2, 40);
    await put(fixture.firestore, seeded);
    const { limits } = fixture.dependencies;
    await fixture.worker2({ limits: { ...limits, isShadow: true } }).apply(event('ProjectDeleted', 'a'), budget());
    const { living, archived } = await whereabouts(fixture.firestore);
    assert.deepEqual([living.size, archived.size], [Object.keys(seeded).length, 0]);
  });

  const budget = () => ({ deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal });
});
