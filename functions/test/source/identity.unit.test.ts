import assert from 'node:assert/strict';
import { compareIdentity, type SourceSighting } from '../../src/source/identity.ts';

// I8: what is known of two looks decides; what one of them does not know proves nothing.
describe('identity of the source', () => {
  const seen = (uuid: string | null, replicaSet: string | null, collection: SourceSighting['collection'] = 'there') =>
    ({ identity: { uuid, replicaSet }, collection, time: null }) as const;

  for (const [what, before, now, verdict] of [
    ['the same', { uuid: 'a', replicaSet: 'rs0' }, seen('a', 'rs0'), 'same'],
    ['another collection', { uuid: 'a', replicaSet: 'rs0' }, seen('b', 'rs0'), 'other-collection'],
    ['no collection', { uuid: 'a', replicaSet: 'rs0' }, seen(null, 'rs0', 'missing'), 'other-collection'],
    ['another replica set', { uuid: 'a', replicaSet: 'rs0' }, seen('a', 'rs1'), 'other-cluster'],
    ['a user who may not list collections', { uuid: 'a', replicaSet: 'rs0' }, seen(null, 'rs0', 'unknown'), 'same'],
    ['another set for such a user', { uuid: 'a', replicaSet: 'rs0' }, seen(null, 'rs1', 'unknown'), 'other-cluster'],
    ['a collection where there was none', { uuid: null, replicaSet: 'rs0' }, seen('a', 'rs0'), 'same'],
    ['a sharded cluster in place of a set', { uuid: 'a', replicaSet: 'rs0' }, seen('a', null), 'same'],
  ] as const) {
    it(`${verdict}: ${what}`, () => assert.equal(compareIdentity(before, now), verdict));
  }
});
