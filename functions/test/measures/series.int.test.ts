// Plots: what was not measured is a gap, and a look has a price that does not grow with the time shown.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import { type FirestoreServer, startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { measuresView } from '../../src/api/views/now.ts';
import { dayMs, hourMs, minuteMs } from '../../src/clock.ts';
import { histogramOf } from '../../src/measures/histogram.ts';
import { emptyMeasure, type Measure } from '../../src/measures/measure.ts';
import { measureId, measureRef, partsData, startOf } from '../../src/measures/measureRecord.ts';
import { readLastMinutes, readSeries } from '../../src/measures/series.ts';
import { connectFirestore } from '../relay/fixtures/doubles.ts';

const now = Date.UTC(2026, 10, 27, 12, 34, 56);
const busy: Measure = {
  ...emptyMeasure,
  events: { created: 1, updated: 2, deleted: 3 },
  assets: 10,
  shown: histogramOf([100, 200, 90_000]),
  relayLagMs: 500,
  reads: 100_000,
  writes: 100_000,
  deletes: 100_000,
};

describe('series of measures', () => {
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

  async function measured(span: 'hour' | 'day', at: readonly number[], measure = busy): Promise<void> {
    const starts = Map.groupBy(at, (time) => startOf(span, time));
    for (const [start, times] of starts) {
      const parts = new Map(times.map((time) => [startOf(span === 'hour' ? 'minute' : 'hour', time), measure]));
      await measureRef(firestore, span, start).set(partsData(span, start, parts));
    }
  }

  async function readsOf<T>(look: () => Promise<T>): Promise<{ readonly reads: number; readonly value: T }> {
    const before = server.meter.snapshot();
    const value = await look();
    return { reads: server.meter.diff(before).reads, value };
  }

  it('have ids that sort by time, and say what they cover', () => {
    assert.equal(measureId('minute', now), '2026-11-27T12:34Z');
    assert.equal(measureId('hour', now), '2026-11-27T12Z');
    assert.equal(measureId('day', now), '2026-11-27Z');
  });

  it('show a minute that nobody measured as a gap, and one in which nothing happened as zero', async () => {
    await measured('hour', [now - 10 * minuteMs]);
    await measured('hour', [now - 40 * minuteMs], emptyMeasure);
    const view = measuresView.parse(await readSeries(firestore, 'hour', now));
    assert.equal(view.at.length, 60);
    assert.equal(view.at.at(-1), startOf('minute', now));
    const column = (ago: number) => view.at.indexOf(startOf('minute', now - ago * minuteMs));
    assert.equal(view.events[column(10)], 6);
    assert.equal(view.events[column(40)], 0);
    assert.equal(view.events.filter((value) => value === null).length, 58);
    assert.equal(view.shownP95[column(40)], null);
    assert.ok((view.shownP50[column(10)] ?? 0) >= 200);
    assert.equal(view.shownP95[column(10)], 90_000);
    // A hundred thousand of each, at list price.
    assert.equal(view.cost[column(10)]?.toFixed(2), '0.26');
  });

  it('add up to quarters of an hour and to days', async () => {
    await measured('hour', [now - 3 * hourMs, now - 3 * hourMs + minuteMs]);
    await measured('day', [now - 3 * dayMs, now - 3 * dayMs + hourMs]);
    const day = await readSeries(firestore, 'day', now);
    assert.deepEqual([day.at.length, day.events.filter((value) => value !== null)], [96, [12]]);
    const month = await readSeries(firestore, 'month', now);
    assert.deepEqual([month.at.length, month.events.filter((value) => value !== null)], [30, [12]]);
  });

  it('cost 2 reads for an hour, 25 for a day, 31 for a month, and at most 2 for every further poll', async () => {
    for (const [range, most] of [
      ['hour', 2],
      ['day', 25],
      ['month', 31],
    ] as const) {
      const { reads, value } = await readsOf(() => readSeries(firestore, range, now));
      assert.ok(reads <= most, `${range}: ${reads} reads`);
      const since = value.at.at(-1);
      const poll = await readsOf(() => readSeries(firestore, range, now + minuteMs, since));
      assert.ok(poll.reads <= 2, `${range}: ${poll.reads} reads for a poll`);
      assert.equal(poll.value.at[0], since);
    }
  });

  it('give the last minutes to whoever judges them, oldest first', async () => {
    await measured('hour', [now - minuteMs, now - 50 * minuteMs]);
    const { reads, value } = await readsOf(() => readLastMinutes(firestore, now));
    assert.equal(value.length, 60);
    assert.deepEqual(
      value.flatMap((minute, index) => (minute === null ? [] : [index])),
      [10, 59],
    );
    assert.ok(reads <= 2);
  });
});
