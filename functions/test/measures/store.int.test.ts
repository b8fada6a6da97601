// A minute is part of its hour and its day whoever measured it, once: attacks "a relay that takes over forgets what the
// one before has measured, or counts it twice".
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { hourMs, minuteMs } from '../../src/clock.ts';
import { emptyMeasure, type Measure } from '../../src/measures/measure.ts';
import { startOf } from '../../src/measures/measureRecord.ts';
import { readParts } from '../../src/measures/series.ts';
import { storeMinute } from '../../src/measures/store.ts';
import { connectFirestore } from '../relay/fixtures/doubles.ts';

const noon = Date.UTC(2026, 10, 27, 12);
const touched = (assets: number): Measure => ({ ...emptyMeasure, assets });

describe('a minute that is kept', () => {
  let server: FirestoreServer;
  let firestore: Firestore;
  before(async () => {
    server = await startFirestoreServer();
  });
  beforeEach(() => {
    firestore = connectFirestore(server, `demo-${randomUUID()}`);
  });
  afterEach(() => firestore.terminate());
  after(() => server.close());

  const assetsOf = async (span: 'hour' | 'day', at: number) =>
    [...(await readParts(firestore, span, [at]))].map(([start, { assets }]) => [(start - noon) / minuteMs, assets]);

  it('joins the others of its hour, and its hour the others of the day', async () => {
    await storeMinute(firestore, noon, touched(1));
    const hour = await storeMinute(firestore, noon + 2 * minuteMs, touched(2));
    await storeMinute(firestore, noon + hourMs, touched(4));
    assert.deepEqual(
      [...hour.keys()].map((start) => (start - noon) / minuteMs),
      [0, 2],
    );
    assert.deepEqual(await assetsOf('hour', noon), [
      [0, 1],
      [2, 2],
    ]);
    assert.deepEqual(await assetsOf('day', startOf('day', noon)), [
      [0, 3],
      [60, 4],
    ]);
  });

  it('counts once when it is kept again, also by two relays at once', async () => {
    await storeMinute(firestore, noon, touched(1));
    await Promise.all([
      storeMinute(firestore, noon + minuteMs, touched(2)),
      storeMinute(firestore, noon + 2 * minuteMs, touched(4)),
      storeMinute(firestore, noon + minuteMs, touched(2)),
    ]);
    assert.deepEqual(await assetsOf('hour', noon), [
      [0, 1],
      [1, 2],
      [2, 4],
    ]);
    assert.deepEqual(await assetsOf('day', startOf('day', noon)), [[0, 7]]);
  });
});
