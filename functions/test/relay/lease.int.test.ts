import assert from 'node:assert/strict';
import type { DocumentReference, Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { systemClock } from '../../src/clock.ts';
import { createCheckpointer } from '../../src/relay/checkpointer.ts';
import { takeLease, waitForLease, writeFenced } from '../../src/relay/lease.ts';
import type { Checkpoint, RelayLease, RelayRecord } from '../../src/relay/relayRecord.ts';
import { parseRelayRecord } from '../../src/relay/relayRecord.ts';
import { manualClock } from '../support/clock.ts';
import { recordedLog } from '../support/log.ts';
import { until } from '../support/until.ts';
import { connectFirestore, quickLimits, retryContext } from './fixtures/doubles.ts';

const leaseMs = 1_000;

// I1, I5: one relay at a time moves the checkpoint, whoever else still thinks that it may.
describe('lease of the relay', () => {
  let server: FirestoreServer;
  let firestore: Firestore;
  let ref: DocumentReference;
  let names = 0;

  before(async () => {
    server = await startFirestoreServer();
    firestore = connectFirestore(server);
  });
  after(async () => {
    await firestore.terminate();
    await server.close();
  });
  beforeEach(() => {
    names += 1;
    ref = firestore.doc(`syncRelay/r${names}`);
    server.faults.clear();
  });

  const stored = async (): Promise<RelayRecord> => parseRelayRecord(ref.path, (await ref.get()).data());

  async function taken(holder: string, now: number) {
    const taking = await takeLease(ref, holder, now, leaseMs);
    assert.ok(taking.kind === 'taken');
    return taking;
  }

  it('is taken by one of many that want it, with a larger fencing token every time', async () => {
    const takings = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => takeLease(ref, holder, 0, leaseMs)));
    const winners = takings.filter(({ kind }) => kind === 'taken');
    assert.equal(winners.length, 1);
    assert.equal((await stored()).lease.fencing, 1);
    assert.equal((await takeLease(ref, 'e', leaseMs - 1, leaseMs)).kind, 'held');
    assert.equal((await taken('e', leaseMs)).record.lease.fencing, 2);
  });

  it('lets nobody write with an older fencing token, nor into a record that is gone', async () => {
    const first = await taken('a', 0);
    await taken('b', leaseMs);
    const late = await writeFenced(ref, 1, { ...first.record, checkpointAt: 77 }, first.writeTime);
    assert.ok(late.kind === 'lost' && late.lease?.holder === 'b');
    assert.equal((await stored()).checkpointAt, null);
    await ref.delete();
    assert.deepEqual(await writeFenced(ref, 2, first.record, first.writeTime), { kind: 'lost', lease: null });
  });

  it('can still be renewed after it ran out, as long as nobody took it', async () => {
    const { record, writeTime } = await taken('a', 0);
    const renewed = { ...record, lease: { ...record.lease, expiresAt: 9_999 } };
    assert.equal((await writeFenced(ref, 1, renewed, writeTime)).kind, 'written');
    assert.equal((await stored()).lease.expiresAt, 9_999);
  });

  it('is taken over as soon as it is given back, long before it would run out', async () => {
    const { record, writeTime } = await taken('a', Date.now() + 1_000_000);
    const waiting = waitForLease(ref, 'b', retryContext(systemClock), never);
    await until(() => true);
    await writeFenced(ref, 1, { ...record, lease: { holder: null, fencing: 1, expiresAt: 0 } }, writeTime);
    const standby = await waiting;
    assert.ok(standby.kind === 'taken' && standby.record.lease.fencing === 2);
  });

  it('is waited for at the cost of one read a look, and not longer than asked', async () => {
    await taken('a', Date.now());
    server.meter.reset();
    const end = new AbortController();
    let looks = 0;
    const clock = {
      now: Date.now,
      after(ms: number, run: () => void) {
        assert.equal(ms, quickLimits.standbyPollMs);
        looks += 1;
        if (looks === 5) end.abort();
        return systemClock.after(0, run);
      },
    };
    const standby = await waitForLease(ref, 'b', retryContext(clock), end.signal);
    assert.deepEqual(standby, { kind: 'ended', heldBy: 'a' });
    assert.equal(server.meter.snapshot().reads, 5);
    assert.equal(server.meter.snapshot().writes, 0);
  });

  it('is asked for again when Firestore fails for a moment, and raises what does not pass', async () => {
    const context = retryContext(systemClock);
    server.faults.inject('BatchGetDocuments', { error: { code: 'UNAVAILABLE' } });
    assert.equal((await waitForLease(ref, 'b', context, never)).kind, 'taken');
    assert.equal(server.faults.pending(), 0);
    await ref.set({ schemaVersion: 99 });
    await assert.rejects(waitForLease(ref, 'b', context, never), /schemaVersion/);
  });

  it('survives an answer that gets lost after Firestore has written', async () => {
    server.faults.inject('Commit', { error: { code: 'ABORTED' }, afterEffect: true });
    const { record, writeTime } = await takenDespiteErrors('a');
    server.faults.inject('Commit', { error: { code: 'DEADLINE_EXCEEDED' }, afterEffect: true });
    await assert.rejects(writeFenced(ref, record.lease.fencing, { ...record, checkpointAt: 1 }, writeTime));
    const again = await writeFenced(ref, record.lease.fencing, { ...record, checkpointAt: 2 }, writeTime);
    assert.equal(again.kind, 'written');
    assert.equal((await stored()).checkpointAt, 2);
  });

  async function takenDespiteErrors(holder: string) {
    const standby = await waitForLease(ref, holder, retryContext(systemClock), never);
    assert.ok(standby.kind === 'taken');
    return standby;
  }

  it('is never kept from others by a lock that a dead relay left behind', async () => {
    const { record, writeTime } = await taken('a', 0);
    // Dies while its write is on the way: the server gets it, and nobody is there for the answer.
    server.faults.inject('Commit', { latencyMs: 5_000 });
    const abandoned = writeFenced(ref, 1, record, writeTime);
    await until(() => server.faults.pending() === 0);
    assert.equal((await taken('b', leaseMs)).record.lease.fencing, 2);
    assert.equal((await abandoned).kind, 'lost');
  });

  describe('checkpointer', () => {
    const at = (ordinal: number): Checkpoint => ({
      token: { _data: String(ordinal) },
      startAt: null,
      source: null,
      last: { time: { seconds: 1, increment: 1 }, ordinal },
    });

    function checkpointerOf({ record, writeTime }: Awaited<ReturnType<typeof taken>>) {
      const clock = manualClock();
      const state = {
        published: undefined as Checkpoint | undefined,
        lost: [] as (RelayLease | null)[],
        failed: [] as unknown[],
      };
      const checkpointer = createCheckpointer({
        ref,
        clock,
        limits: { ...quickLimits, leaseMs, checkpointEveryMs: 10, renewEveryMs: 300 },
        log: recordedLog(),
        record,
        writeTime,
        published: () => state.published,
        status: () => ({ lagMs: null, inFlight: 0 }),
        onLost: (lease) => state.lost.push(lease),
        onFailed: (error) => state.failed.push(error),
      });
      return { clock, state, checkpointer };
    }

    it('writes what is published at its pace, and in quiet times only to renew', async () => {
      const { clock, state, checkpointer } = checkpointerOf(await taken('a', 0));
      checkpointer.start();
      state.published = at(4);
      clock.advance(10);
      await until(async () => (await stored()).checkpoint.last?.ordinal === 4);
      await until(() => clock.timers() === 1);
      server.meter.reset();
      for (let tick = 0; tick < 5; tick += 1) {
        clock.advance(10);
        await until(() => clock.timers() === 1);
      }
      state.published = { ...at(4), token: { _data: 'quiet' }, last: state.published.last };
      clock.advance(10);
      await until(() => clock.timers() === 1);
      assert.equal(server.meter.snapshot().writes, 0);
      clock.advance(300);
      await until(async () => JSON.stringify((await stored()).checkpoint.token) === '{"_data":"quiet"}');
      await until(() => clock.timers() === 1);
      assert.equal(server.meter.snapshot().writes, 1);
      assert.equal((await stored()).lease.expiresAt, clock.now() + leaseMs);
      checkpointer.stop();
      assert.equal(clock.timers(), 0);
    });

    it('finds out at its next write that another relay took over, and moves nothing', async () => {
      const { clock, state, checkpointer } = checkpointerOf(await taken('a', 0));
      await taken('b', leaseMs);
      state.published = at(9);
      checkpointer.start();
      clock.advance(10);
      await until(() => state.lost.length === 1);
      assert.equal(state.lost[0]?.holder, 'b');
      assert.equal((await stored()).checkpoint.last, null);
      assert.equal((await checkpointer.release()).kind, 'lost');
      assert.equal((await stored()).lease.holder, 'b');
      checkpointer.stop();
    });

    it('knows by its own clock when the lease has run out', async () => {
      const { clock, checkpointer } = checkpointerOf(await taken('a', 0));
      await checkpointer.write();
      assert.ok(checkpointer.holdsLease());
      clock.advance(leaseMs);
      assert.ok(!checkpointer.holdsLease());
      await checkpointer.write();
      assert.ok(checkpointer.holdsLease());
    });

    it('goes on after a failure that passes, and reports one that does not', async () => {
      const { clock, state, checkpointer } = checkpointerOf(await taken('a', 0));
      state.published = at(1);
      server.faults.inject('Commit', { error: { code: 'PERMISSION_DENIED' } });
      checkpointer.start();
      clock.advance(10);
      await until(() => state.failed.length === 1);
      await checkpointer.write();
      assert.equal((await stored()).checkpoint.last?.ordinal, 1);
      checkpointer.stop();
    });

    it('keeps the order of its writes, and gives the lease back with the last one', async () => {
      const { state, checkpointer } = checkpointerOf(await taken('a', 0));
      const writes: Promise<unknown>[] = [];
      for (let ordinal = 0; ordinal < 5; ordinal += 1) {
        state.published = at(ordinal);
        writes.push(checkpointer.write());
      }
      state.published = at(5);
      writes.push(checkpointer.release());
      await Promise.all(writes);
      const record = await stored();
      assert.equal(record.checkpoint.last?.ordinal, 5);
      assert.deepEqual(record.lease, { holder: null, fencing: 1, expiresAt: 0 });
    });

    it('starts over and asks for a reconciliation in one write, and never returns to the place before', async () => {
      const { state, checkpointer } = checkpointerOf(await taken('a', 0));
      state.published = at(3);
      await checkpointer.write();
      const from: Checkpoint = {
        token: null,
        startAt: { seconds: 50, increment: 0 },
        last: state.published.last,
        source: null,
      };
      await checkpointer.restart(from, { reason: 'history-lost', at: 1 });
      await checkpointer.write();
      const record = await stored();
      assert.deepEqual(record.checkpoint, from);
      assert.deepEqual(record.reconciliationPending, { reason: 'history-lost', at: 1 });
      state.published = at(4);
      checkpointer.setPending(null);
      await checkpointer.write();
      assert.deepEqual((await stored()).checkpoint, at(4));
      assert.equal((await stored()).reconciliationPending, null);
    });
  });
});

const never = new AbortController().signal;
