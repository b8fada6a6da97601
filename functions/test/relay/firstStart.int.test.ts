// Attacks I1: MongoDB fails in the very moment of the first start, and nobody may forget that what happened before has
// to be compared.
import assert from 'node:assert/strict';
import { type MongoClient, MongoServerError } from 'mongodb';
import { runRelay } from '../../src/relay/relay.ts';
import { createRelayHealth } from '../../src/relay/status/health.ts';
import { connectSource } from '../../src/source/connect.ts';
import { shiftedClock } from '../support/clock.ts';
import { recordedLog } from '../support/log.ts';
import { until } from '../support/until.ts';
import { quickLimits } from './fixtures/doubles.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

/** A client whose first command comes to this. */
function clientWhoseFirst(client: MongoClient, command: () => Promise<never>): MongoClient {
  let isFirst = true;
  return new Proxy(client, {
    get(target, key) {
      if (key === 'db' && isFirst) {
        isFirst = false;
        return () => ({ command });
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('the first start of a relay', () => {
  let fixture: RelayFixture;
  before(async () => {
    fixture = await startRelayFixture();
  });
  after(() => fixture.close());

  /** A run on a source whose first command, the one for the time to start at, comes to `command`. */
  async function startWhere(command: () => Promise<never>) {
    const source = await connectSource(fixture.mongo.uri, fixture.config);
    const clock = shiftedClock();
    const health = createRelayHealth(clock);
    const stop = new AbortController();
    const outcome = runRelay({
      source: { ...source, client: clientWhoseFirst(source.client, command) },
      firestore: fixture.firestore,
      config: fixture.config,
      publishers: fixture.topics,
      clock,
      random: () => 0.5,
      log: recordedLog(),
      limits: quickLimits,
      holder: 'first',
      signal: stop.signal,
      health,
    });
    return {
      health,
      async stop() {
        stop.abort();
        try {
          return await outcome;
        } finally {
          await source.close();
        }
      },
    };
  }

  it('ends when it is asked to, though MongoDB does not answer', async () => {
    let asked = 0;
    const relay = await startWhere(() => {
      asked += 1;
      return new Promise(() => {});
    });
    await until(() => asked > 0);
    assert.equal((await relay.stop()).kind, 'stopped');
    assert.equal((await fixture.record()).lease.holder, null);
  });

  it('saves its starting point and asks for a reconciliation, even if MongoDB was unavailable for a moment', async () => {
    const interrupted = new MongoServerError({ message: 'interrupted', code: 11602 });
    const relay = await startWhere(() => Promise.reject(interrupted));
    await until(() => relay.health.status().phase === 'reading');
    await until(() => fixture.topics.reconciliationRequests.messages.length > 0);
    await relay.stop();
    const { checkpoint } = await fixture.record();
    assert.ok(checkpoint.startAt !== null || checkpoint.token !== null);
    assert.equal(fixture.topics.reconciliationRequests.messages[0]?.attributes.reason, 'first-start');
  });
});
