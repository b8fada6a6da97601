// Attacks the end of every repair: were a value told otherwise by an event than by MongoDB when it is asked, a
// reconciliation would undo what events have written, and a verification find drift in what is in step.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  Binary,
  BSON,
  BSONRegExp,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { decodeEvent, encodeEvent } from '../../src/events/codec.ts';
import { type CopyValue, sameCopyValue } from '../../src/events/copyValue.ts';
import { canonicalText } from '../../src/reconcile/scan/canonicalText.ts';
import { eventFromChange } from '../../src/relay/eventFromChange.ts';
import { snapshotOf } from '../../src/source/lookup.ts';
import { showsValue } from '../../src/sync/pages/copyUpdates.ts';

const config = defineConfig({
  source: { database: 'collaboration', collection: 'projects', fields: ['name', 'profile.title'] },
  collections: [{ path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } }],
});
const projectId = '66f0a1b2c3d4e5f6a7b8c9d0';

const sixteen = Buffer.from('0b5f8a526f3c4a529a430f8dc2b4b1aa', 'hex');
const whole = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const scalar: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, -0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300),
  fc.constantFrom<unknown>(new MinKey(), new MaxKey(), new BSONRegExp('(?i)x', 's'), new Code('f()', { a: [[1]] })),
  fc.constantFrom<unknown>(new Binary(sixteen, 3), new UUID(sixteen), new Binary(Buffer.from('x'), 4)),
  fc.constantFrom<unknown>(new DBRef('users', new ObjectId(projectId)), new ObjectId(projectId), new Int32(-7)),
  fc.constantFrom('', 'e\u0301', '\u00e9', '\ud83e\udd84', 'a\u0000b', '2020-01-01T00:00:00Z', 'NaN', 'Infinity'),
  fc.constantFrom(...['1E+3', '-0', 'NaN', '0.10'].map((text) => Decimal128.fromString(text))),
  fc.double().map((value) => new Double(value)),
  whole.map((value) => Long.fromBigInt(value)),
  fc.string(),
  fc.date(),
  fc.nat().map((seconds) => new Timestamp({ t: seconds, i: 1 })),
);
const name = fc.oneof(
  fc.constantFrom('a', '0', 'a.b', '$a', '`', 'a/b', ' ', '', '__proto__', '__name__', 'constructor'),
  fc.constantFrom('$date', '$numberDouble', '$oid', '$ref'),
  fc.string(),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 3, arbitrary: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }) },
  ),
}));

/** As the driver reads it. */
function stored(document: Record<string, unknown>): BSON.Document {
  return BSON.deserialize(BSON.serialize(document, { ignoreUndefined: false }), { bsonRegExp: true });
}

describe('a value (property)', () => {
  it('is the same, or refused, whether an event tells it or MongoDB is asked', () => {
    fc.assert(
      fc.property(value, (given) => {
        const document = stored({ _id: new ObjectId(projectId), name: given, profile: { title: given } });
        const change = {
          operationType: 'insert',
          _id: null,
          clusterTime: new Timestamp({ t: 1, i: 1 }),
          documentKey: { _id: document._id },
          fullDocument: document,
        } as const;
        const { fields, refused } = snapshotOf(projectId, { ...document, _id: projectId }, config);
        const meaning = eventFromChange(change, '0'.repeat(20), config.source);
        assert.equal(meaning.kind, Object.keys(refused).length > 0 ? 'refused' : 'event');
        if (meaning.kind !== 'event') return;
        const decoded = decodeEvent(encodeEvent(meaning.event).data);
        assert.ok(decoded.ok, decoded.ok ? '' : decoded.reason);
        for (const field of config.source.fields) {
          const told: CopyValue = decoded.event.changes[field] ?? null;
          const asked = fields[field] ?? null;
          assert.ok(sameCopyValue(told, asked), `${canonicalText(told)} and ${canonicalText(asked)}`);
          assert.equal(canonicalText(told), canonicalText(asked));
          assert.ok(showsValue(told, asked));
        }
      }),
      // As a service stores them that writes the text of Extended JSON rather than what it stands for.
      {
        numRuns: 2_000,
        examples: [
          [{ $date: '2020-01-01T00:00:00Z' }],
          [[{ $numberDouble: 'NaN' }]],
          [{ $date: { $numberLong: '1' } }],
        ],
      },
    );
  });
});
