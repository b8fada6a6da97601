import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeEvent, encodeEvent } from '../../src/events/codec.ts';
import { eventId, type ProjectEvent } from '../../src/events/contract.ts';
import { type CopyValue, carried, sameCopyValue } from '../../src/events/copyValue.ts';
import { isNewer, partsOf, versionOf } from '../../src/events/version.ts';

const scalar: fc.Arbitrary<CopyValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.integer(),
  fc.string(),
  fc.date({ noInvalidDate: true, min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z') }),
);
const plainKey = fc
  .string({ minLength: 1 })
  .filter((key) => !key.startsWith('$') && !/^__.*__$/s.test(key) && key !== '__proto__');
const copyValue: fc.Arbitrary<CopyValue> = fc.oneof(
  scalar,
  fc.array(fc.oneof(scalar, fc.dictionary(plainKey, scalar))),
  fc.dictionary(plainKey, fc.oneof(scalar, fc.array(scalar))),
);
const version = fc
  .tuple(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 0xffff }))
  .map(([seconds, increment, ordinal]) => versionOf({ seconds, increment }, ordinal));

const event = fc
  .record({
    type: fc.constantFrom('ProjectCreated', 'ProjectUpdated', 'ProjectDeleted'),
    projectId: fc.oneof(fc.constantFrom('66f0aa', 'einhorn-🦄', 'a b'), fc.constantFrom('0af', 'deadbeef')),
    version,
    changes: fc.dictionary(plainKey, copyValue),
    extra: fc.string(),
  })
  .map(
    ({ type, projectId, version: at, changes, extra }): ProjectEvent => ({
      specversion: 1,
      id: eventId(projectId, at),
      type,
      projectId,
      version: at,
      occurredAt: '2026-11-22T12:00:00.000Z',
      changes,
      origin: { service: 's', channel: 'test', extra },
      extra,
    }),
  );

describe('codec (property)', () => {
  it('reads back what it wrote, unknown fields included', () => {
    fc.assert(
      fc.property(event, (original) => {
        const decoded = decodeEvent(encodeEvent(original).data);
        assert.ok(decoded.ok, decoded.ok ? '' : decoded.reason);
        const { changes, ...rest } = decoded.event;
        const { changes: originalChanges, ...originalRest } = original;
        assert.deepEqual(rest, originalRest);
        assert.ok(sameCopyValue(changes, originalChanges));
      }),
    );
  });

  it('refuses a value before it is published if and only if nobody could read its message', () => {
    const refused: fc.Arbitrary<CopyValue> = fc.constantFrom<CopyValue>([[1]], { __x__: 1 });
    const part: fc.Arbitrary<CopyValue> = fc.oneof(scalar, fc.date({ noInvalidDate: true }), refused);
    const value = fc.oneof(part, fc.array(part), fc.dictionary(plainKey, part));
    fc.assert(
      fc.property(event, value, (original, odd) => {
        const decoded = decodeEvent(encodeEvent({ ...original, changes: { odd } }).data);
        assert.equal(carried(odd).ok, decoded.ok);
      }),
    );
    assert.equal(carried(new Date(Number.NaN)).ok, false);
  });

  it('never throws, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array().map((array) => Buffer.from(array)),
      fc.json().map((text) => Buffer.from(text)),
      event.map((original) => encodeEvent(original).data.subarray(3)),
    );
    fc.assert(fc.property(bytes, (data) => decodeEvent(data).ok !== undefined));
  });
});

describe('version (property)', () => {
  it('compares as text just as its parts compare as numbers', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const [left, right] = [partsOf(a), partsOf(b)];
        const byParts =
          left.seconds - right.seconds || left.increment - right.increment || left.ordinal - right.ordinal;
        assert.equal(isNewer(a, b), byParts > 0);
      }),
    );
  });
});
