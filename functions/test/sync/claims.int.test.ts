// Attacks I10: what MongoDB says in a majority read outranks what any message or record claims.
import assert from 'node:assert/strict';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { versionOf } from '../../src/events/version.ts';
import { projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { assetsPerPage } from '../../src/sync/pages/pageSize.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture, testConfig } from './worker.fixture.ts';

describe('a claim of the future', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
    await fixture.firestore.doc('media/m1').set({ projectId: 'p1', projectName: 'old' });
  });
  afterEach(() => fixture.close());

  const seconds = () => Math.floor(fixture.clock.now() / 1_000);
  const budget = () => ({ deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal });
  const name = async () => (await fixture.firestore.doc('media/m1').get()).get('projectName');

  it('is refused with its reason, also when it is only an hour ahead', async () => {
    await fixture.deliver(event('ProjectDeleted', 'p1', {}, seconds() + 3_600));
    const [letter] = fixture.deadLetters.messages;
    assert.equal(letter?.attributes.reason, 'future-version');
    assert.match(letter?.attributes.error ?? '', /MongoDB has reached/);
    assert.equal(await name(), 'old');
  });

  it('waits for its time where it is ahead by no more than clocks differ: another worker may have begun with it', async () => {
    await assert.rejects(
      fixture.deliver(event('ProjectUpdated', 'p1', { name: 'new' }, seconds() + 4)),
      /lies ahead of this clock/,
    );
    assert.deepEqual(fixture.deadLetters.messages, []);
    assert.equal((await fixture.record('p1')).revision, 0);
  });

  it('is none where MongoDB has got there: its clock may be ahead of this one', async () => {
    const ahead = seconds() + 3_600;
    const { truth } = fixture.dependencies;
    const version = versionOf({ seconds: ahead + 1, increment: 1 }, 0);
    Object.assign(fixture.dependencies, {
      truth: { ask: async (ids: string[]) => ({ ...(await truth.ask(ids)), version }) },
    });
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'new' }, ahead));
    assert.deepEqual(fixture.deadLetters.messages, []);
  });

  /** A record that claims what cannot have happened yet: of a rogue producer, or of a cluster that was restored from a
   *  backup. */
  async function claim(kind: 'live' | 'deleted'): Promise<void> {
    const version = versionOf({ seconds: seconds() + 20 * 3_600, increment: 1 }, 0);
    const record = await fixture.record('p1');
    await projectRecordRef(fixture.firestore, 'p1').set(
      projectRecordData({
        ...record,
        revision: 1,
        appliedRevision: 1,
        desired:
          kind === 'live'
            ? { kind, version, deletedVersion: null, fields: { name: { value: 'invented', version } } }
            : { kind, version, deletedVersion: version, fields: {} },
      }),
    );
  }

  for (const kind of ['live', 'deleted'] as const) {
    it(`on record (${kind}) gives way to what MongoDB says, at the next event of the project`, async () => {
      await claim(kind);
      fixture.alive.set('p1', { name: 'true', status: 's' });
      await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'true' }));
      assert.equal(await name(), 'true');
      const { desired, revision, appliedRevision } = await fixture.record('p1');
      assert.equal(desired.kind, 'live');
      assert.ok((desired.version ?? '') < versionOf({ seconds: seconds() + 60, increment: 0 }, 0));
      assert.equal(appliedRevision, revision);
    });

    it(`on record (${kind}) gives way to a repair, which changes what it set out to change`, async () => {
      await claim(kind);
      fixture.alive.set('p1', { name: 'true', status: 's' });
      const repair = event('ProjectUpdated', 'p1', { name: 'true' });
      assert.deepEqual(await fixture.worker.apply(repair, { ...budget(), force: true }), {
        kind: 'applied',
        processed: 1,
      });
      assert.equal(await name(), 'true');
      // The next true change is newer than what is on record now.
      fixture.clock.advance(3_000);
      await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'next' }, seconds() - 1));
      assert.equal(await name(), 'next');
    });
  }

  it('on record gives way to what MongoDB says, also where true news of another field comes along', async () => {
    await claim('live');
    fixture.alive.set('p1', { name: 'true', status: 'done' });
    await fixture.deliver(event('ProjectUpdated', 'p1', { status: 'done' }));
    assert.equal(await name(), 'true');
    assert.equal((await fixture.firestore.doc('media/m1').get()).get('meta.status'), 'done');
  });

  it('of life gives way to MongoDB, which has no such project', async () => {
    await claim('live');
    const outcome = await fixture.worker.apply(event('ProjectDeleted', 'p1'), { ...budget(), force: true });
    assert.deepEqual(outcome, { kind: 'applied', processed: 1 });
    assert.equal((await fixture.record('p1')).desired.kind, 'deleted');
  });

  it('is no news any more once MongoDB has refuted it: a late duplicate changes nothing (I9)', async () => {
    const { truth } = fixture.dependencies;
    fixture.alive.set('p1', { name: 'true', status: 's' });
    const invented = event('ProjectDeleted', 'p1');
    // MongoDB has not got there yet, although this clock has.
    const version = versionOf({ seconds: seconds() - 10, increment: 1 }, 0);
    const behind = fixture.worker2({ truth: { ask: async (ids) => ({ ...(await truth.ask(ids)), version }) } });
    assert.equal((await behind.apply(invented, budget())).kind, 'contradicted');
    const { revision } = await fixture.record('p1');
    fixture.clock.advance(60_000);
    assert.deepEqual(await fixture.worker.apply(invented, budget()), { kind: 'duplicate' });
    assert.equal((await fixture.record('p1')).revision, revision);
  });

  it('of a deletion that MongoDB contradicts does not count among mass deletions', async () => {
    fixture.alive.set('p1', { name: 'alive' });
    await fixture.deliver(event('ProjectDeleted', 'p1'));
    assert.equal((await fixture.record('p1')).deletedAt, null);
  });
});

describe('a repair', () => {
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture();
    await fixture.firestore.doc('media/m1').set({ projectId: 'p1', projectName: 'old' });
  });
  afterEach(() => fixture.close());
  const budget = () => ({ deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal, force: true });

  it('leaves the record as it was until it is done, since no message stands for it (I9)', async () => {
    const before = await fixture.record('p1');
    const failing = fixture.worker2({ throttle: { ...oneAtATime(), enter: () => Promise.reject(new Error('dies')) } });
    await assert.rejects(failing.apply(event('ProjectDeleted', 'p1'), budget()));
    assert.deepEqual(await fixture.record('p1'), before);
  });

  it('of a living project deletes nothing when the project is gone by then', async () => {
    const outcome = await fixture.worker.apply(event('ProjectUpdated', 'p1', { name: 'x' }), budget());
    assert.equal(outcome.kind, 'contradicted');
    assert.equal((await fixture.documents('media')).size, 1);
    assert.equal((await fixture.record('p1')).lease, null);
  });

  it('is left to the worker that is at the project', async () => {
    const { truth } = fixture.dependencies;
    let outcome = '';
    const worker = fixture.worker2({
      truth: {
        async ask(ids) {
          outcome = (await fixture.worker.apply(event('ProjectDeleted', 'p1'), budget())).kind;
          return truth.ask(ids);
        },
      },
    });
    await worker.apply(event('ProjectDeleted', 'p1'), { ...budget(), force: false });
    assert.equal(outcome, 'deferred');
  });
});

describe('a configuration that changes while a deletion continues', () => {
  it('has its new collections scanned, too', async () => {
    const fixture = await startSyncFixture();
    try {
      const writer = fixture.firestore.bulkWriter({ throttling: false });
      for (let index = 0; index < assetsPerPage; index += 1) {
        void writer.set(fixture.firestore.doc(`media/m${index}`), { projectId: 'p1' });
      }
      void writer.set(fixture.firestore.doc('sketches/s1'), { owner: 'p1' });
      await writer.close();
      const deletion = event('ProjectDeleted', 'p1');
      const slow = fixture.worker2({ throttle: oneAtATime(() => fixture.clock.advance(1_000)) });
      const short = { deadline: fixture.clock.now() + 500, signal: new AbortController().signal };
      assert.equal((await slow.apply(deletion, short)).kind, 'continued');
      const config = {
        ...testConfig,
        collections: [
          ...testConfig.collections,
          ...defineConfig({
            source: { database: 'd', collection: 'projects' },
            collections: [{ path: 'sketches', projectId: 'owner' }],
          }).collections,
        ],
      };
      const later = fixture.worker2({ config });
      const rest = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
      assert.equal((await later.apply(deletion, rest)).kind, 'applied');
      assert.equal((await fixture.documents('sketches')).size, 0);
      assert.equal((await fixture.documents('media')).size, 0);
    } finally {
      await fixture.close();
    }
  });
});
