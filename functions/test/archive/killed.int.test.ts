// Attacks I13 with a worker that dies at each of its commits, before and after it, and with what happens around it.
import assert from 'node:assert/strict';
import type { DocumentData, Firestore, Transaction } from 'firebase-admin/firestore';
import { encodeEvent } from '../../src/events/codec.ts';
import { handleMessage } from '../../src/sync/handleMessage.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { archiving, assertNothingGone, assetsOfA, put, whereabouts } from './archive.fixture.ts';
import { readArchive } from './readArchive.ts';

/** A client whose process dies at its `nth` transaction: with `after`, when the commit has taken effect. */
function dying(firestore: Firestore, nth: number, after: boolean): { firestore: Firestore; isDead: () => boolean } {
  let begun = 0;
  let isDead = false;
  const die = () => {
    isDead = true;
    throw new Error('the process has died');
  };
  return {
    isDead: () => isDead,
    firestore: new Proxy(firestore, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (key !== 'runTransaction') return typeof value === 'function' ? value.bind(target) : value;
        const run: typeof target.runTransaction = async (act, options) => {
          if (isDead) die();
          begun += 1;
          const isLast = begun === nth;
          const answer = await target.runTransaction(async (transaction: Transaction) => {
            const planned = await act(transaction);
            return isDead || (isLast && !after) ? die() : planned;
          }, options);
          return isLast ? die() : answer;
        };
        return run;
      },
    }),
  };
}

/** Which lives of one asset are where. */
async function lives(firestore: Firestore) {
  const life = (data: DocumentData) => Number(data.life);
  const archived = await readArchive(firestore);
  const living = await firestore.collection('media').get();
  return {
    archived: archived.map(({ data }) => life(data)).sort(),
    living: living.docs.map((document) => life(document.data())),
  };
}

describe('a worker that archives', function () {
  this.timeout(120_000);
  let fixture: SyncFixture;
  beforeEach(async () => {
    fixture = await startSyncFixture({ config: archiving });
  });
  afterEach(() => fixture.close());

  const frame = () => ({ deadline: fixture.clock.now() + 600_000, signal: new AbortController().signal });
  const seeded = assetsOfA(5, 14, 70);

  it('leaves each asset in one place when it is killed before any commit (I13)', () => killedAtEach(false));

  it('leaves each asset in one place when it is killed after any commit (I13)', () => killedAtEach(true));

  async function killedAtEach(after: boolean): Promise<void> {
    let kills = 0;
    for (let nth = 1, wasKilled = true; wasKilled; nth += 1) {
      fixture.server.clear();
      await put(fixture.firestore, seeded);
      const message = encodeEvent(event('ProjectDeleted', 'a'));
      const process = dying(fixture.firestore, nth, after);
      const worker = fixture.worker2({ firestore: process.firestore });
      const delivery = handleMessage(
        { ...fixture.dependencies, firestore: process.firestore, worker, converged: null },
        message,
        frame(),
      );
      await delivery.catch((error: unknown) => assert.ok(process.isDead(), String(error)));
      wasKilled = process.isDead();
      if (wasKilled) kills += 1;
      await assertNothingGone(fixture.firestore, seeded);
      fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
      await fixture.deliverMessage(message);
      const { living } = await assertNothingGone(fixture.firestore, seeded);
      assert.equal(living.size, 0, 'the next delivery ends the work');
    }
    assert.ok(kills >= 6, `there were ${kills} commits`);
  }

  it('archives once what it deletes when answers are lost (I2)', async () => {
    await put(fixture.firestore, seeded);
    fixture.server.faults.inject('Commit', { error: { code: 'UNAVAILABLE' }, afterEffect: true }, 4);
    fixture.server.faults.inject('Commit', { error: { code: 'ABORTED' } }, 2);
    const deletion = event('ProjectDeleted', 'a');
    await fixture.deliver(deletion);
    await fixture.deliver(deletion);
    assert.equal(fixture.server.faults.pending(), 0);
    const { living } = await assertNothingGone(fixture.firestore, seeded);
    assert.equal(living.size, 0);
  });

  it('archives nothing once it has lost its lease, and another has ended its work (I5)', async () => {
    await put(fixture.firestore, seeded);
    const deletion = event('ProjectDeleted', 'a');
    let pages = 0;
    const { throttle } = fixture.dependencies;
    const slow = fixture.worker2({
      throttle: {
        ...throttle,
        async enter() {
          await throttle.enter();
          pages += 1;
          if (pages !== 2) return;
          fixture.clock.advance(fixture.dependencies.limits.leaseMs + 1);
          await fixture.worker2({}).apply(deletion, frame());
        },
      },
    });
    await assert.rejects(slow.apply(deletion, frame()));
    const { living } = await assertNothingGone(fixture.firestore, seeded);
    assert.equal(living.size, 0);
  });

  it('leaves what was moved to another project in the middle, and archives the rest (I5)', async () => {
    await put(fixture.firestore, seeded);
    const moved = 'media/m0069';
    let pages = 0;
    const { throttle } = fixture.dependencies;
    const worker = fixture.worker2({
      throttle: {
        ...throttle,
        async enter() {
          await throttle.enter();
          pages += 1;
          if (pages === 2) await fixture.firestore.doc(moved).update({ projectId: 'b' });
        },
      },
    });
    await worker.apply(event('ProjectDeleted', 'a'), frame());
    const { living } = await assertNothingGone(fixture.firestore, {
      ...seeded,
      [moved]: { projectId: 'b', medium: 69 },
    });
    assert.deepEqual([...living.keys()], [moved]);
  });

  it('keeps the asset of an earlier life when one of the same path is created and deleted again', async () => {
    const { firestore } = fixture;
    await put(firestore, { 'media/m1': { projectId: 'a', life: 1 } });
    await fixture.deliver(event('ProjectDeleted', 'a'));
    await fixture.deliver(event('ProjectCreated', 'a'));
    await put(firestore, { 'media/m1': { projectId: 'a', life: 2 } });
    const { archived, living } = await lives(firestore);
    assert.deepEqual([archived, living], [[1], [2]]);
    await fixture.deliver(event('ProjectDeleted', 'a'));
    assert.deepEqual(await lives(firestore), { archived: [1, 2], living: [] });
  });

  it('deletes and archives nothing of a project that MongoDB says lives', async () => {
    await put(fixture.firestore, seeded);
    fixture.alive.set('a', {});
    await fixture.deliver(event('ProjectDeleted', 'a'));
    const { living, archived } = await whereabouts(fixture.firestore);
    assert.deepEqual([living.size, archived.size], [Object.keys(seeded).length, 0]);
  });
});
