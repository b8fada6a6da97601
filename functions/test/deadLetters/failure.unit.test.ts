// What is kept of a dead letter. Attacks I1: a letter that Firestore would not take, or of which too little is left to
// do anything about it.
import assert from 'node:assert/strict';
import { type Failure, failureData, failureFrom, parseFailure } from '../../src/deadLetters/failure.ts';
import { schemaVersion } from '../../src/records/projectRecord.ts';

const attributes = { reason: 'attempts', error: 'MongoDB is unavailable', attempts: '10', source: 'tests' };
const now = Date.UTC(2026, 10, 21);

/** What is kept of a payload, and what a reader makes of it. */
function kept(payload: string | Buffer): Failure {
  const failure = failureFrom({ data: Buffer.from(payload), attributes }, undefined, now);
  assert.deepEqual(parseFailure(failure.id, failureData(failure)), { ...failure, schemaVersion });
  return failure;
}

describe('the record of a dead letter', () => {
  it('holds the whole message, and counts its bytes', () => {
    const { message, preview, payloadBytes } = kept('{"name":"Ünï 🎬"}');
    assert.equal(message?.data.toString(), '{"name":"Ünï 🎬"}');
    assert.deepEqual(message?.attributes, attributes);
    assert.equal(preview, '{"name":"Ünï 🎬"}');
    assert.equal(payloadBytes, Buffer.byteLength('{"name":"Ünï 🎬"}'));
  });

  it('keeps the attributes of a payload that is too large to be kept, and its beginning', () => {
    const limit = 512 * 1_024;
    assert.equal(kept('x'.repeat(limit)).message?.data.length, limit);
    const failure = kept('x'.repeat(limit + 1));
    assert.equal(failure.message, null);
    assert.deepEqual(failure.attributes, attributes);
    const stored = Object.entries(attributes).map(([name, value]) => ({ name, value }));
    assert.deepEqual(failureData(failure).attributes, stored);
    assert.equal(failure.payloadBytes, limit + 1);
    assert.equal(failure.preview, 'x'.repeat(1_000));
  });

  it('cuts the preview between characters, whatever their length', () => {
    for (const character of ['x', 'é', '新', '🎬']) {
      for (const before of ['', 'x', 'xx', 'xxx']) {
        const text = before + character.repeat(2_000);
        const { preview } = kept(text);
        assert.ok(preview.isWellFormed() && !preview.includes('\uFFFD'), `${before}${character}`);
        assert.ok(text.startsWith(preview));
        assert.ok(preview.length === 1_000 || (preview.length === 999 && character === '🎬'), `${preview.length}`);
      }
    }
  });

  it('shows what is not UTF-8 with replacements, and keeps the bytes as they came', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x61, 0xc3, 0x28, 0xed, 0xa0, 0xbd]);
    const { message, preview, payloadBytes } = kept(bytes);
    assert.deepEqual(message?.data, bytes);
    assert.equal(payloadBytes, bytes.length);
    assert.ok(preview.isWellFormed());
    assert.match(preview, /^\uFFFD\uFFFDa\uFFFD\(\uFFFD+$/);
    assert.equal(kept(Buffer.alloc(5_000, 0xff)).preview, '\uFFFD'.repeat(1_000));
  });

  it('takes no time that a record has no room for, or that has not come', () => {
    const hour = 60 * 60_000;
    const lastAt = (deadLetteredAt: string) => {
      const failure = failureFrom({ data: Buffer.from('{}'), attributes: { deadLetteredAt } }, undefined, now);
      assert.deepEqual(parseFailure(failure.id, failureData(failure)), { ...failure, schemaVersion });
      return failure.lastAt;
    };
    const claims = ['+012026-01-01T00:00:00.000Z', '-002026-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', 'soon'];
    for (const claim of claims) assert.equal(lastAt(claim), now, claim);
    for (const skew of [-hour, 0, hour]) assert.equal(lastAt(new Date(now + skew).toISOString()), now + skew);
  });

  it('is dead again when its event fails after a letter that claimed a time to come', () => {
    const letter = (deadLetteredAt: string) => ({ data: Buffer.from('{}'), attributes: { deadLetteredAt } });
    const first = failureFrom(letter('2099-01-01T00:00:00.000Z'), undefined, now);
    const later = now + 2 * 60 * 60_000;
    const again = failureFrom(letter(new Date(later).toISOString()), { ...first, status: 'redriven' }, later);
    assert.deepEqual([again.status, again.times], ['dead', 2]);
  });
});
