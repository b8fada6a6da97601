// Attacks I1: a request that was made because changes may have been missed is not dealt with as long as MongoDB could not be asked.
import assert from 'node:assert/strict';
import { type BrakeKind, brakeKinds } from '../../src/reconcile/brakes.ts';
import { reasonToComeAgain } from '../../src/reconcile/redelivery.ts';

describe('a request for a reconciliation', () => {
  const braked = (kind: BrakeKind) => reasonToComeAgain({ kind: 'braked', brake: { kind, saw: 'what was seen' } });

  it('comes again while another one is at work', () => {
    assert.match(reasonToComeAgain({ kind: 'busy', until: 0 }) ?? '', /at work until 1970-01-01/);
  });

  it('comes again while MongoDB does not answer', () => {
    assert.equal(braked('source-unreachable'), 'what was seen');
  });

  it('is dealt with when a brake calls for a person, when it goes on elsewhere, and when all is done', () => {
    for (const kind of brakeKinds) if (kind !== 'source-unreachable') assert.equal(braked(kind), undefined, kind);
    assert.equal(reasonToComeAgain({ kind: 'continued' }), undefined);
    assert.equal(reasonToComeAgain({ kind: 'done' }), undefined);
  });
});
