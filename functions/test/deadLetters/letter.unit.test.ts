// Attacks I1 and I7: every message, however broken, can be kept.
import assert from 'node:assert/strict';
import { failureData, failureFrom, failureId, parseFailure } from '../../src/deadLetters/failure.ts';
import { letterOf, originalOf } from '../../src/deadLetters/letter.ts';

const failing = { reason: 'attempts', error: 'refused', attempts: 3, now: Date.UTC(2026, 10, 22) } as const;

describe('a dead letter', () => {
  it('never has more attributes than Pub/Sub takes, and says how many were dropped', () => {
    const attributes = Object.fromEntries(Array.from({ length: 97 }, (_, index) => [`name-${index}`, 'value']));
    const letter = letterOf({ data: Buffer.from('x'), attributes, messageId: 'm-1' }, failing);
    assert.ok(Object.keys(letter.attributes).length <= 100);
    assert.equal(letter.attributes.attributesDropped, '7');
    assert.equal(letter.attributes.messageId, 'm-1');
    assert.equal(letter.attributes.reason, 'attempts');
  });

  it('drops attributes that a publisher must not send, and those that are too long', () => {
    const attributes = {
      googclient_traceparent: 'kept',
      goog_reserved: 'x',
      GoogReserved: 'x',
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
      ['n'.repeat(300)]: 'x',
      long: 'v'.repeat(2_000),
      own: 'kept',
    };
    const letter = letterOf({ data: Buffer.from('x'), attributes }, failing);
    assert.deepEqual(originalOf(letter).attributes, { googclient_traceparent: 'kept', own: 'kept' });
    assert.equal(letter.attributes.attributesDropped, '5');
  });

  it('keeps of a payload at the size limit its beginning, its size and its hash, always under the same id', () => {
    const data = Buffer.alloc(10_000_000, 'x');
    const letter = letterOf({ data, attributes: {}, messageId: 'm-2' }, failing);
    assert.ok(letter.data.length < 1_000_000);
    assert.equal(letter.attributes.payloadBytes, '10000000');
    const failure = failureFrom(letter, undefined, failing.now);
    assert.deepEqual(
      { message: failure.message, bytes: failure.payloadBytes, id: failure.id },
      { message: null, bytes: 10_000_000, id: failureId(letter) },
    );
    assert.match(failure.id, /^unreadable-[0-9a-f]{32}$/);
    assert.notEqual(failure.id, failureId(letterOf({ data: Buffer.alloc(9_999_999, 'x'), attributes: {} }, failing)));
  });

  it('is recorded without a field named by an attribute: Firestore refuses some names', () => {
    const letter = letterOf(
      { data: Buffer.from('{}'), attributes: { __x__: '1', 'a.b': '2', 'lone \ud800': '3' } },
      failing,
    );
    const data = failureData(failureFrom(letter, undefined, failing.now));
    assert.ok(Array.isArray(data.attributes));
    assert.ok(data.attributes.some(({ name, value }) => name === '__x__' && value === '1'));
    assert.ok(data.attributes.every(({ name }) => String(name).isWellFormed()));
    assert.equal(parseFailure('id', data).attributes.__x__, '1');
  });

  it('still reads a record whose attributes are a map, as older versions wrote them', () => {
    const letter = letterOf({ data: Buffer.from('{}'), attributes: { own: '1' } }, failing);
    const data = { ...failureData(failureFrom(letter, undefined, failing.now)), attributes: letter.attributes };
    assert.equal(parseFailure('id', data).attributes.own, '1');
  });

  it('does not expire while it stands for what was not applied', () => {
    const letter = letterOf({ data: Buffer.from('{}'), attributes: {} }, failing);
    assert.equal('expireAt' in failureData(failureFrom(letter, undefined, failing.now)), false);
  });
});
