import assert from 'node:assert/strict';
import { Binary } from 'mongodb';
import { isFree } from '../../src/relay/lease.ts';
import {
  emptyRelayRecord,
  parseRelayRecord,
  type RelayRecord,
  RelayRecordError,
  relayRecordData,
} from '../../src/relay/relayRecord.ts';

const record: RelayRecord = {
  checkpoint: {
    token: { _data: '8263', _typeBits: new Binary(Buffer.from([1, 2])) },
    startAt: null,
    last: { time: { seconds: 5, increment: 6 }, ordinal: 7 },
    source: { uuid: 'u', replicaSet: 'rs0' },
  },
  checkpointAt: 1_000,
  lease: { holder: 'me', fencing: 3, expiresAt: 2_000 },
  reconciliationPending: { reason: 'first-start', at: 10 },
  runsWithoutProgress: 2,
  rewind: { to: 3_000, by: 'ann@example.com', at: 4_000 },
  shards: 1,
  status: null,
};

describe('relay record', () => {
  it('reads back what it wrote, whatever a resume token consists of', () => {
    assert.deepEqual(parseRelayRecord('r', relayRecordData(record)), record);
    assert.deepEqual(parseRelayRecord('r', relayRecordData(emptyRelayRecord)), emptyRelayRecord);
    const started = {
      ...record,
      checkpoint: { token: null, startAt: { seconds: 1, increment: 2 }, last: null, source: null },
    };
    assert.deepEqual(parseRelayRecord('r', relayRecordData(started)), started);
  });

  it('reads a missing record as the one before the first start', () => {
    assert.deepEqual(parseRelayRecord('r', undefined), emptyRelayRecord);
  });

  it('refuses a record that it does not understand, and names what is wrong', () => {
    const data = relayRecordData(record);
    for (const broken of [
      { ...data, schemaVersion: 3 },
      { ...data, lease: null },
      { ...data, resumeToken: '{' },
      'x',
    ]) {
      assert.throws(() => parseRelayRecord('syncRelay/d%2Ep', broken), RelayRecordError);
    }
    assert.throws(() => parseRelayRecord('syncRelay/d%2Ep', { ...data, ordinal: -1 }), /syncRelay\/d%2Ep .*ordinal/);
  });

  it('knows when a lease may be taken', () => {
    const { lease } = record;
    assert.equal(isFree(lease, 'you', 1_999), false);
    assert.equal(isFree(lease, 'you', 2_000), true);
    assert.equal(isFree(lease, 'me', 1_999), true);
    assert.equal(isFree({ ...lease, holder: null }, 'you', 0), true);
  });
});
