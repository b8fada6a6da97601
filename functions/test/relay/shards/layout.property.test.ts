import assert from 'node:assert/strict';
import fc from 'fast-check';
import { placeTime } from '../../../src/relay/place.ts';
import { emptyRelayRecord, type RelayRecord } from '../../../src/relay/relayRecord.ts';
import { hasPlace, oldestOf, relayout } from '../../../src/relay/shards/layout.ts';

const tokenAt = (seconds: number) => ({ _data: `82${seconds.toString(16).padStart(8, '0')}000000012B` });
const anySeconds = fc.integer({ min: 1, max: 2 ** 32 - 1 });

const anyRecord: fc.Arbitrary<RelayRecord> = fc
  .record({
    place: fc.oneof(
      { weight: 1, arbitrary: fc.constant({ token: null, startAt: null }) },
      { weight: 4, arbitrary: anySeconds.map((seconds) => ({ token: tokenAt(seconds), startAt: null })) },
      { weight: 2, arbitrary: anySeconds.map((seconds) => ({ token: null, startAt: { seconds, increment: 9 } })) },
    ),
    pending: fc.option(fc.constant({ reason: 'history-lost' as const, at: 1 })),
    rewind: fc.option(anySeconds.map((seconds) => ({ to: seconds * 1_000, by: 'ann', at: 1 }))),
    fencing: fc.nat(),
  })
  .map(({ place, pending, rewind, fencing }) => ({
    ...emptyRelayRecord,
    checkpoint: { ...place, last: null, source: null },
    lease: { holder: 'me', fencing, expiresAt: 9 },
    reconciliationPending: pending,
    rewind,
  }));

const anyRecords = fc
  .tuple(anyRecord, fc.array(fc.option(anyRecord), { maxLength: 5 }))
  .map(([first, others]) => [first, ...others]);
const now = { at: 77, place: { token: null, startAt: { seconds: 5, increment: 1 }, last: null, source: null } };

// Attacks I1: a place behind what one of the shards had not published would be a gap.
describe('a new layout of shards', () => {
  it('begins nowhere later than any of the old ones was, each shard at the same place', () => {
    fc.assert(
      fc.property(anyRecords, fc.integer({ min: 1, max: 8 }), (records, of) => {
        const next = relayout(records, of, now);
        assert.equal(next.length, of);
        const places = records.flatMap((record) => (record && hasPlace(record) ? (placeTime(record) ?? []) : []));
        for (const record of next) {
          assert.deepEqual(record.checkpoint, next[0]?.checkpoint);
          assert.equal(record.shards, of);
          const place = placeTime(record);
          assert.ok(place !== null && places.every((before) => place <= before));
        }
      }),
    );
  });

  it('goes back from there, and never forwards', () => {
    fc.assert(
      fc.property(anyRecords, fc.integer({ min: 1, max: 8 }), (records, of) => {
        for (const record of relayout(records, of, now)) {
          if (record.rewind !== null) assert.ok(record.rewind.to < (placeTime(record) ?? 0));
        }
      }),
    );
  });

  it('forgets nothing that was asked for, and asks where a shard had no place', () => {
    fc.assert(
      fc.property(anyRecords, fc.integer({ min: 1, max: 8 }), (records, of) => {
        const next = relayout(records, of, now);
        const known = records.filter((record) => record !== null);
        const isAsked = known.some(({ reconciliationPending }) => reconciliationPending !== null);
        const isMissing = records.some((record) => record === null || !hasPlace(record));
        assert.equal(next[0]?.reconciliationPending !== null, isAsked || isMissing);
        assert.ok(next.slice(1).every(({ reconciliationPending }) => reconciliationPending === null));
        for (const to of known.flatMap(({ rewind }) => rewind?.to ?? [])) {
          assert.ok(next.every((record) => (record.rewind?.to ?? placeTime(record) ?? Infinity) <= to));
        }
      }),
    );
  });

  it('keeps the lease of the first, and frees the others', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const [first, ...others] = relayout(records, 4, now);
        assert.deepEqual(first?.lease, records[0]?.lease);
        assert.ok(others.every(({ lease }) => lease.holder === null));
      }),
    );
  });

  it('keeps the place of a single relay exactly, with its count', () => {
    const last = { time: { seconds: 7, increment: 3 }, ordinal: 2 };
    const checkpoint = { token: tokenAt(7), startAt: null, last, source: { uuid: 'u', replicaSet: 'r' } };
    assert.deepEqual(
      relayout([{ ...emptyRelayRecord, checkpoint }], 3, now).map((record) => record.checkpoint),
      [checkpoint, checkpoint, checkpoint],
    );
  });

  it('refuses to compare places that it cannot read', () => {
    const foreign = { ...emptyRelayRecord, checkpoint: { token: 'x', startAt: null, last: null, source: null } };
    assert.throws(() => oldestOf([foreign, foreign]), /keep RELAY_SHARDS as it was/);
  });
});
