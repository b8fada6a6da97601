// What an instance has in memory at once: attacks heavy events that all come at the same time (I6), small ones and
// deletions that would have to wait for them, and an event that is lost while it waits (I1).
import assert from 'node:assert/strict';
import { type DocumentReference, type Firestore, Query } from 'firebase-admin/firestore';
import { encodeEvent } from '../../../src/events/codec.ts';
import type { ProjectEvent } from '../../../src/events/contract.ts';
import { NoMemoryError } from '../../../src/sync/errors.ts';
import { handleMessage } from '../../../src/sync/handleMessage.ts';
import { createMemory, type Memory } from '../../../src/sync/memory/memory.ts';
import { createThrottle } from '../../../src/sync/pages/throttle.ts';
import { createSyncWorker, type SyncWorker } from '../../../src/sync/worker.ts';
import { manualClock } from '../../support/clock.ts';
import { event, oneAtATime, type SyncFixture, startSyncFixture } from '../worker.fixture.ts';

const mebibyte = 1_024 * 1_024;

/** Each copy, before and after. */
const copyBytes = 50_000;

describe('the pages of heavy events at once', () => {
  let fixture: SyncFixture;
  before(async () => {
    fixture = await startSyncFixture();
  });
  after(() => fixture.close());

  it('have no more copies in memory than the budget is for, and each event comes to its end', async () => {
    const { firestore } = fixture;
    const projectIds = Array.from({ length: 10 }, (_, index) => `heavy-${index}`);
    const each = 45;
    const pagesBytes = 42 * mebibyte;
    for (const projectId of projectIds) {
      const batch = firestore.batch();
      for (let index = 0; index < each; index += 1) {
        batch.set(firestore.doc(`media/${projectId}-${index}`), { projectId, projectName: 'a'.repeat(copyBytes) });
      }
      await batch.commit();
    }
    const meter = { inFlight: 0, most: 0 };
    const dependencies = {
      ...fixture.dependencies,
      firestore: metered(firestore, meter),
      throttle: createThrottle({ initial: 16 }),
      memory: { events: createMemory(100 * mebibyte), pages: createMemory(pagesBytes) },
    };
    const worker = createSyncWorker(dependencies);
    const frame = { deadline: fixture.clock.now() + 60_000, signal: new AbortController().signal };
    await Promise.all(
      projectIds.map((projectId) =>
        handleMessage(
          { ...dependencies, worker, converged: null },
          encodeEvent(event('ProjectUpdated', projectId, { name: 'b'.repeat(copyBytes) })),
          frame,
        ),
      ),
    );
    const media = await fixture.documents('media');
    assert.equal(media.size, projectIds.length * each);
    for (const { projectName } of media.values()) assert.equal(projectName, 'b'.repeat(copyBytes));
    assert.ok(meter.most > each * copyBytes, `${meter.most} bytes: pages run side by side`);
    // What is read is written, too, and both lie in memory twice.
    assert.ok(meter.most <= pagesBytes / 4, `${meter.most} bytes of copies at once`);
  });
});

describe('a page whose copies turn out to be large', () => {
  let fixture: SyncFixture;
  before(async () => {
    fixture = await startSyncFixture();
  });
  after(() => fixture.close());

  it('is one of few assets, and holds what it has read; the next one knows', async () => {
    const { firestore } = fixture;
    const batch = firestore.batch();
    const count = 120;
    for (let index = 0; index < count; index += 1) {
      batch.set(firestore.doc(`media/m${index}`), { projectId: 'p1', projectName: 'a'.repeat(copyBytes) });
    }
    await batch.commit();
    const shares: { readonly expected: number; readonly found: number[] }[] = [];
    const memory = createMemory(100 * mebibyte);
    const pages: Memory = {
      async enter(bytes) {
        const share = await memory.enter(bytes);
        const found: number[] = [];
        shares.push({ expected: bytes, found });
        return {
          ...share,
          resize(to) {
            found.push(to);
            share.resize(to);
          },
        };
      },
    };
    const worker = fixture.worker2({ memory: { events: createMemory(mebibyte), pages }, throttle: oneAtATime() });
    const renamed = event('ProjectUpdated', 'p1', { name: 'short' });
    const outcome = await worker.apply(renamed, {
      deadline: fixture.clock.now() + 60_000,
      signal: new AbortController().signal,
    });
    assert.deepEqual(outcome, { kind: 'applied', processed: count });
    const [claim, ...others] = shares;
    assert.ok(claim !== undefined && claim.expected < mebibyte, 'nobody knows before');
    const halfOfFirst = 50;
    const inMemory = 2 * copyBytes;
    assert.ok((claim.found[0] ?? 0) >= halfOfFirst * inMemory, `${claim.found}`);
    const rest = others.flatMap(({ found }) => found).reduce((sum, bytes) => sum + bytes, 0);
    assert.ok(rest >= (count - halfOfFirst) * inMemory, `${rest} bytes`);
  });
});

/** A Firestore that counts how many bytes of copies are held by transactions that have read them and have not ended. */
function metered(firestore: Firestore, meter: { inFlight: number; most: number }): Firestore {
  const runTransaction: Firestore['runTransaction'] = async (update, options) => {
    let held = 0;
    try {
      return await firestore.runTransaction((transaction) => {
        const counting = new Proxy(transaction, {
          get(target, key) {
            const member: unknown = Reflect.get(target, key, target);
            if (key !== 'get') return typeof member === 'function' ? member.bind(target) : member;
            return async (what: Query | DocumentReference) => {
              if (!(what instanceof Query)) return target.get(what);
              const found = await target.get(what);
              const bytes = found.docs.reduce((sum, asset) => sum + String(asset.get('projectName')).length, 0);
              held += bytes;
              meter.inFlight += bytes;
              meter.most = Math.max(meter.most, meter.inFlight);
              return found;
            };
          },
        });
        return update(counting);
      }, options);
    } finally {
      meter.inFlight -= held;
    }
  };
  return new Proxy(firestore, {
    get(target, key) {
      if (key === 'runTransaction') return runTransaction;
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe('messages of heavy events at once', () => {
  let fixture: SyncFixture;
  before(async () => {
    fixture = await startSyncFixture();
  });
  after(() => fixture.close());

  const large = (projectId: string) => event('ProjectUpdated', projectId, { name: 'x'.repeat(copyBytes) });

  /** An instance with room for two large messages, whose work ends when the test says so. */
  function instance() {
    const clock = manualClock();
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    const worker: SyncWorker = {
      apply: ({ projectId }) =>
        new Promise((resolve) => {
          begun.push(projectId);
          ends.set(projectId, () => resolve({ kind: 'applied', processed: 0 }));
        }),
    };
    const dependencies = {
      ...fixture.dependencies,
      clock,
      memory: { events: createMemory(1_200_000), pages: createMemory(mebibyte) },
      worker,
      converged: null,
    };
    const stopping = new AbortController();
    return {
      clock,
      begun,
      stopping,
      end: (projectId: string) => ends.get(projectId)?.(),
      deliver: (one: ProjectEvent) =>
        handleMessage(dependencies, encodeEvent(one), { deadline: clock.now() + 1_000, signal: stopping.signal }),
    };
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('are worked on as there is room, first come first served; what is small does not wait, nor does a deletion', async () => {
    const { deliver, begun, end } = instance();
    const all = ['a', 'b', 'c', 'd'].map((projectId) => deliver(large(projectId)));
    await turn();
    assert.deepEqual(begun, ['a', 'b']);
    all.push(deliver(event('ProjectUpdated', 'small', { name: 'new' })), deliver(event('ProjectDeleted', 'gone')));
    await turn();
    assert.deepEqual(begun, ['a', 'b', 'small', 'gone']);
    end('b');
    await turn();
    assert.deepEqual(begun.slice(4), ['c']);
    for (const projectId of ['a', 'small', 'gone']) end(projectId);
    await turn();
    assert.deepEqual(begun.slice(4), ['c', 'd']);
    end('c');
    end('d');
    await Promise.all(all);
  });

  it('are refused when their time is over before there is room, and count as no failure', async () => {
    const { deliver, begun, end, clock } = instance();
    const first = [deliver(large('a')), deliver(large('b'))];
    const late = deliver(large('c'));
    await turn();
    clock.advance(1_000);
    await assert.rejects(late, NoMemoryError);
    assert.equal((await fixture.firestore.collection('syncFailures').get()).size, 0);
    end('a');
    end('b');
    await Promise.all(first);
    assert.deepEqual(begun, ['a', 'b']);
    assert.equal(clock.timers(), 0);
  });

  it('are refused when the instance stops, and those behind them go on', async () => {
    const { deliver, begun, end, stopping } = instance();
    const first = [deliver(large('a')), deliver(large('b'))];
    const waiting = deliver(large('c'));
    await turn();
    stopping.abort(new Error('the instance is asked to stop'));
    await assert.rejects(waiting, /asked to stop/);
    end('a');
    end('b');
    await Promise.all(first);
    assert.deepEqual(begun, ['a', 'b']);
  });
});
