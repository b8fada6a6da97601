// What the limits promise together. Attacks I6: a change of one of them that breaks the promise of a hand-over.
import assert from 'node:assert/strict';
import { closingMs, defaultRelayLimits } from '../../src/relay/limits.ts';

/** What a hand-over, and the end of the process, may take at most, in ms. */
const promisedMs = 2_000;

/** What the taking of a lease that is free may take, in ms: a read and a write of Firestore, ten times what they take
 *  in one region. */
const takingMs = 300;

describe('limits of the relay', () => {
  it('let another relay take over within 2 s, though nothing answers the one that stops', () => {
    assert.ok(closingMs(defaultRelayLimits) + defaultRelayLimits.standbyPollMs + takingMs <= promisedMs);
  });

  it('let the process end within 2 s', () => {
    assert.ok(closingMs(defaultRelayLimits) + defaultRelayLimits.closeConnectionsMs <= promisedMs);
  });

  it('let a relay renew its lease three times before it runs out', () => {
    assert.ok(3 * defaultRelayLimits.renewEveryMs <= defaultRelayLimits.leaseMs);
  });
});
