import assert from 'node:assert/strict';
import { maxOrdinal } from '../../src/events/version.ts';
import { type Count, nextCount, versionOrdinal } from '../../src/relay/ordinals.ts';

// I3: versions of one transaction's changes differ, and a replay computes the same ones.
describe('ordinals', () => {
  const time = { seconds: 100, increment: 3 };

  it('counts changes of the same cluster time, and begins anew with the next', () => {
    const first = nextCount(null, time);
    const second = nextCount(first, { ...time });
    assert.deepEqual([first.ordinal, second.ordinal], [0, 1]);
    assert.equal(nextCount(second, { seconds: 100, increment: 4 }).ordinal, 0);
    assert.equal(nextCount(second, { seconds: 101, increment: 3 }).ordinal, 0);
  });

  it('goes on from what a checkpoint kept in the middle of a transaction', () => {
    const kept: Count = JSON.parse(JSON.stringify(nextCount(nextCount(null, time), time)));
    assert.equal(nextCount(kept, time).ordinal, 2);
  });

  it('says when a version has no room for the ordinal, and keeps to the last one', () => {
    assert.deepEqual(versionOrdinal({ time, ordinal: maxOrdinal }), { ordinal: maxOrdinal, overflow: false });
    assert.deepEqual(versionOrdinal({ time, ordinal: maxOrdinal + 1 }), { ordinal: maxOrdinal, overflow: true });
  });
});
