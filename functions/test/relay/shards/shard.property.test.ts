import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Binary, Decimal128, Double, Int32, Long, ObjectId, UUID } from 'mongodb';
import { isForShard, lastBytesOf, shardOf } from '../../../src/relay/shards/shard.ts';
import { mongoIdsOf } from '../../../src/source/projectIds.ts';

const anyOf = fc.integer({ min: 1, max: 8 });
const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes });

/** Every form that an `_id` can have, and what no project can be called by. */
const anyId: fc.Arbitrary<unknown> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  hex(12).map((bytes) => new ObjectId(bytes)),
  hex(16).map((bytes) => new UUID(bytes)),
  fc.integer().map((value) => new Int32(value)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => Long.fromBigInt(value)),
  fc.integer(),
  fc.double().map((value) => new Double(value)),
  fc.integer().map((value) => Decimal128.fromString(String(value))),
  fc.constantFrom(undefined, null, true, new Date(0), { a: 1 }, new Binary(Buffer.from('x'))),
);

const shardsOf = (id: unknown, of: number) =>
  Array.from({ length: of }, (_, index) => index + 1).filter((number) => isForShard({ number, of }, id));

function assertEven(ids: readonly string[], of: number): void {
  const counts = new Array<number>(of).fill(0);
  for (const id of ids) {
    const at = shardOf(id, of) - 1;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  const share = ids.length / of;
  for (const count of counts) assert.ok(Math.abs(count - share) < share * 0.2, `${counts}`);
}

// Attacks I1 (no shard deals with a change) and the order of one project (two do).
describe('shards of the relay', () => {
  it('divide all ids: each is dealt with by exactly one, whatever its form', () => {
    fc.assert(
      fc.property(anyId, anyOf, (id, of) => assert.equal(shardsOf(id, of).length, 1)),
      { numRuns: 2_000 },
    );
  });

  it('tell MongoDB exactly the ObjectIds that are theirs', () => {
    fc.assert(
      fc.property(hex(12), anyOf, (bytes, of) => {
        const id = new ObjectId(bytes);
        for (let number = 1; number <= of; number += 1) {
          const isTold = lastBytesOf({ number, of }).includes(id.toHexString().slice(22));
          assert.equal(isTold, isForShard({ number, of }, id));
        }
      }),
    );
  });

  it('keep a project in one stream, in whatever form its id is', () => {
    const anyProjectId = fc.oneof(
      hex(12).map((bytes) => Buffer.from(bytes).toString('hex')),
      hex(16).map((bytes) => new UUID(bytes).toHexString()),
      fc.integer().map(String),
      fc.string({ minLength: 1 }),
    );
    fc.assert(
      fc.property(anyProjectId, anyOf, (projectId, of) => {
        const numbers = new Set(mongoIdsOf(projectId).flatMap((id) => shardsOf(id, of)));
        assert.equal(numbers.size, 1);
      }),
    );
    assert.deepEqual(shardsOf(new Int32(7), 8), shardsOf(new Double(7), 8));
    assert.deepEqual(shardsOf(Long.fromNumber(7), 8), shardsOf('7', 8));
  });

  it('have about equal shares, of ids in a row as well, and stay what they are', () => {
    const ids = Array.from({ length: 8_000 }, (_, index) => new ObjectId(index.toString(16).padStart(24, '6')));
    const texts = ids.map((id) => id.toHexString());
    // Processes that make other ids in between, and ids that are no ObjectIds.
    for (const some of [texts, ...[2, 4, 5].map((step) => texts.filter((_, index) => index % step === 0))]) {
      for (let of = 2; of <= 8; of += 1) for (const ids of [some, some.map((id) => `p-${id}`)]) assertEven(ids, of);
    }
    // Another hash would need the places of all shards to be moved together.
    assert.deepEqual(
      ['66f0a1b2c3d4e5f601234567', 'alpha', '7'].map((id) => shardOf(id, 4)),
      [2, 3, 3],
    );
    assert.equal(shardOf(undefined, 4), 1);
  });
});
