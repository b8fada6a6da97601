import assert from 'node:assert/strict';
import { FieldValue, type Firestore, Timestamp, type Transaction } from 'firebase-admin/firestore';
import { manualClock } from '../../../support/clock.ts';
import { until } from '../../../support/until.ts';
import { type AdminClient, startAdminClient } from './adminClient.ts';

const aborted = 10;
const invalidArgument = 3;
const alreadyExists = 6;
const failedPrecondition = 9;
/** Production's text; the SDK repeats a transaction only if it reads it. */
const expired = '3 INVALID_ARGUMENT: The referenced transaction has expired or is no longer valid.';

/** Something that a test opens when it wants another part of it to go on. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** Runs a body as a transaction that is not retried. */
const once = <Result>(db: Firestore, body: (transaction: Transaction) => Promise<Result>) =>
  db.runTransaction(body, { maxAttempts: 1 });

describe('Firestore transactions through the Admin SDK', () => {
  let client: AdminClient;
  let db: Firestore;
  beforeEach(async () => {
    client = await startAdminClient();
    db = client.db;
  });
  afterEach(() => client.close());

  it('adds up concurrent increments', async () => {
    const counter = db.doc('counters/c');
    await Promise.all(
      Array.from({ length: 10 }, () =>
        db.runTransaction(
          async (transaction) => {
            const n: number = (await transaction.get(counter)).get('n') ?? 0;
            transaction.set(counter, { n: n + 1 });
          },
          { maxAttempts: 30 },
        ),
      ),
    );
    assert.equal((await counter.get()).get('n'), 10);
    assert.equal(client.server.stats().openTransactions, 0);
  }).timeout(60_000);

  it('aborts one of two transactions that have read the same document and both write it', async () => {
    const document = db.doc('a/b');
    const bothRead = gate();
    let reads = 0;
    const body = async (transaction: Transaction) => {
      await transaction.get(document);
      reads += 1;
      if (reads === 2) bothRead.open();
      await bothRead.opened;
      transaction.set(document, { n: FieldValue.increment(1) }, { merge: true });
    };
    const outcomes = await Promise.allSettled([once(db, body), once(db, body)]);
    const failed = outcomes.filter((each) => each.status === 'rejected');
    assert.equal(failed.length, 1);
    assert.equal(failed[0]?.reason.code, aborted);
    assert.equal((await document.get()).get('n'), 1);
  });

  it('makes a write outside wait until the transaction that has read the document is over', async () => {
    const document = db.doc('a/b');
    const hasRead = gate();
    const goOn = gate();
    const transaction = once(db, async (inside) => {
      await inside.get(document);
      hasRead.open();
      await goOn.opened;
      inside.set(document, { by: 'transaction' });
    });
    await hasRead.opened;
    let written = false;
    const outside = document.set({ by: 'outside' }).then(() => {
      written = true;
    });
    // Something else is not held up by it.
    await db.doc('a/other').set({});
    assert.equal(written, false);
    goOn.open();
    await Promise.all([transaction, outside]);
    assert.equal((await document.get()).get('by'), 'outside');
  });

  it('keeps phantoms out of what a query in a transaction has seen', async () => {
    const pages = db.collection('assets').where('projectId', '==', 'p1');
    await db.doc('assets/1').set({ projectId: 'p1' });
    await db.doc('assets/2').set({ projectId: 'p2' });
    const hasRead = gate();
    const goOn = gate();
    const transaction = once(db, async (inside) => {
      const { size } = await inside.get(pages);
      hasRead.open();
      await goOn.opened;
      inside.set(db.doc('counts/p1'), { size });
    });
    await hasRead.opened;
    const held = [db.doc('assets/3').set({ projectId: 'p1' }), db.doc('assets/2').update({ projectId: 'p1' })];
    await db.doc('assets/4').set({ projectId: 'p3' });
    await db.doc('assets/2b').set({ projectId: 'p2' });
    goOn.open();
    await transaction;
    const counted = (await db.doc('counts/p1').get()).createTime;
    assert.ok(counted);
    for (const { writeTime } of await Promise.all(held)) assert.ok(writeTime.valueOf() > counted.valueOf());
    assert.equal((await pages.get()).size, 3);
  });

  it('leaves what lies behind the limit of a query alone', async () => {
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await db.doc(`assets/${name}`).set({ n: 1 });
    const hasRead = gate();
    const goOn = gate();
    const transaction = once(db, async (inside) => {
      await inside.get(db.collection('assets').limit(2));
      hasRead.open();
      await goOn.opened;
    });
    await hasRead.opened;
    await db.doc('assets/c').delete();
    await db.doc('assets/e').set({});
    goOn.open();
    await transaction;
  });

  it('lets a document appear only after a transaction that found it missing', async () => {
    const hasRead = gate();
    const goOn = gate();
    const transaction = once(db, async (inside) => {
      assert.equal((await inside.get(db.doc('a/b'))).exists, false);
      hasRead.open();
      await goOn.opened;
      inside.create(db.doc('a/b'), { by: 'transaction' });
    });
    await hasRead.opened;
    const outside = assert.rejects(db.doc('a/b').create({}), { code: alreadyExists });
    goOn.open();
    await Promise.all([transaction, outside]);
  });

  it('reads the past in a read-only transaction, without holding anybody up', async () => {
    const document = db.doc('a/b');
    await document.set({ n: 1 });
    const values = await db.runTransaction(
      async (transaction) => {
        const before = (await transaction.get(document)).get('n');
        await document.set({ n: 2 });
        await db.doc('a/c').set({ n: 2 });
        const after = (await transaction.get(document)).get('n');
        return [before, after, (await transaction.get(db.collection('a'))).size];
      },
      { readOnly: true },
    );
    assert.deepEqual(values, [1, 1, 1]);
  });

  it('reads as of a time that it still keeps, and refuses one that it does not', async () => {
    const document = db.doc('a/b');
    const { writeTime } = await document.set({ n: 1 });
    await document.set({ n: 2 });
    await document.delete();
    const readAt = (readTime: Timestamp) =>
      db.runTransaction(async (transaction) => (await transaction.get(document)).get('n'), {
        readOnly: true,
        readTime,
      });
    assert.equal(await readAt(writeTime), 1);
    assert.equal(await readAt(Timestamp.fromMillis(writeTime.toMillis() - 1000)), undefined);
    await assert.rejects(readAt(Timestamp.fromMillis(Date.now() + 3_600_000)), { code: invalidArgument });
  });

  it('frees the locks of a transaction that fails in its own code', async () => {
    await assert.rejects(
      once(db, async (transaction) => {
        await transaction.get(db.doc('a/b'));
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
    await db.doc('a/b').set({});
    await until(() => client.server.stats().openTransactions === 0);
  });
});

describe('Firestore transactions and time', () => {
  it('gives up waiting for a lock after the timeout, and goes on without a transaction that has idled too long', async () => {
    const clock = manualClock();
    const client = await startAdminClient({ clock, lockTimeoutMs: 20_000 });
    const { db } = client;
    try {
      const hasRead = gate();
      const goOn = gate();
      const transaction = once(db, async (inside) => {
        await inside.get(db.doc('a/b'));
        hasRead.open();
        await goOn.opened;
        inside.set(db.doc('a/b'), {});
      });
      await hasRead.opened;
      const waiting = client.server.stats;
      // A BulkWriter is used because its writes are not repeated by the SDK when they are aborted.
      const writer = db.bulkWriter();
      writer.onWriteError(() => false);
      const timedOut = assert.rejects(writer.set(db.doc('a/b'), {}), { code: aborted, message: /lock timeout/ });
      void writer.flush();
      const calls = () => client.server.meter.snapshot().rpcs.BatchWrite ?? 0;
      await until(() => calls() === 1);
      clock.advance(20_000);
      await timedOut;
      assert.equal(waiting().openTransactions, 1);
      clock.advance(40_000);
      assert.equal(waiting().openTransactions, 0);
      await db.doc('a/b').set({ free: true });
      goOn.open();
      await assert.rejects(transaction, { code: invalidArgument, message: expired });
      assert.equal((await db.doc('a/b').get()).get('free'), true);
    } finally {
      await client.close();
    }
  });

  it('ends a transaction at its greatest age, however busy it is', async () => {
    const clock = manualClock();
    const client = await startAdminClient({ clock });
    const { db } = client;
    try {
      const run = once(db, async (transaction) => {
        for (let i = 0; i < 6; i += 1) {
          await transaction.get(db.doc(`a/${i}`));
          clock.advance(50_000);
        }
      });
      await assert.rejects(run, { code: invalidArgument, message: expired });
    } finally {
      await client.close();
    }
  });

  it('forgets the past after a minute', async () => {
    const clock = manualClock();
    const client = await startAdminClient({ clock });
    const { db } = client;
    try {
      const { writeTime } = await db.doc('a/b').set({ n: 1 });
      await db.doc('a/b').set({ n: 2 });
      clock.advance(61_000);
      await db.doc('a/b').set({ n: 3 });
      const past = db.runTransaction(async (transaction) => transaction.get(db.doc('a/b')), {
        readOnly: true,
        readTime: writeTime,
      });
      await assert.rejects(past, { code: failedPrecondition, message: /too old/ });
    } finally {
      await client.close();
    }
  });
});
