import assert from 'node:assert/strict';
import { ObjectId, Timestamp } from 'mongodb';
import { systemClock } from '../../src/clock.ts';
import { maxOrdinal } from '../../src/events/version.ts';
import { projectChangeSchema } from '../../src/relay/changeStream/streamedChange.ts';
import { createEnding } from '../../src/relay/ending.ts';
import type { FieldLookup } from '../../src/relay/fieldLookup.ts';
import type { Count } from '../../src/relay/ordinals.ts';
import { createOutbox, type ReadPosition } from '../../src/relay/outbox.ts';
import { createPublishWindow } from '../../src/relay/publishWindow.ts';
import { fakeTopic } from '../support/topic.ts';
import { until } from '../support/until.ts';
import { quickLimits, retryContext } from './fixtures/doubles.ts';
import { eventOf, fieldsConfig } from './fixtures/relay.fixture.ts';

describe('outbox of the relay', () => {
  const time = { seconds: 1_700_000_000, increment: 1 };

  function outboxOf(lookup: FieldLookup = async () => null) {
    const never = new AbortController().signal;
    const topics = { events: fakeTopic(), deadLetters: fakeTopic(), reconciliationRequests: fakeTopic() };
    const window = createPublishWindow<ReadPosition>(quickLimits);
    const overflows: Count[] = [];
    const context = retryContext(systemClock);
    const ending = createEnding(systemClock, { budgetMs: undefined, latestMs: undefined }, never);
    const outbox = createOutbox({
      source: fieldsConfig().source,
      shard: { number: 1, of: 1 },
      publishers: topics,
      window,
      lookup,
      context,
      ending,
      giveUp: never,
      mayPublish: () => true,
      onOverflow: (count) => overflows.push(count),
    });
    const put = (ordinal: number) => {
      const change = projectChangeSchema.parse({
        _id: { _data: 'aa' },
        operationType: 'delete',
        clusterTime: new Timestamp({ t: time.seconds, i: time.increment }),
        documentKey: { _id: new ObjectId() },
      });
      outbox.put(
        change,
        { time, ordinal },
        { token: ordinal, startAt: null, last: { time, ordinal }, source: null, committedAt: 0 },
      );
    };
    return { outbox, topics, window, overflows, ending, put, log: context.log };
  }

  it('still publishes what lies beyond the last ordinal of a transaction, and reports it', async () => {
    const { topics, overflows, put } = outboxOf();
    put(maxOrdinal);
    assert.deepEqual(overflows, []);
    put(maxOrdinal + 1);
    await until(() => topics.events.messages.length === 2);
    assert.deepEqual(overflows, [{ time, ordinal: maxOrdinal + 1 }]);
    assert.deepEqual(
      topics.events.messages.map(({ data }) => eventOf(data).version.slice(-4)),
      ['ffff', 'ffff'],
    );
  });

  it('dead-letters what cannot be read, without a version, and asks for a reconciliation of all when it names no project', async () => {
    const { outbox, topics, window } = outboxOf();
    outbox.putUnreadable({ strange: true }, 'no operationType', {
      token: 'after it',
      startAt: null,
      last: null,
      source: null,
      committedAt: 0,
    });
    await window.emptied();
    assert.equal(topics.deadLetters.messages[0]?.attributes.reason, 'unreadable-change');
    assert.equal(window.published()?.token, 'after it');
    const [request] = topics.reconciliationRequests.messages;
    assert.deepEqual(JSON.parse(String(request?.data)), { reason: 'change-unreadable' });
  });

  /** Puts a change whose value has to be looked up. */
  function putLookedUp(outbox: ReturnType<typeof createOutbox>, ordinal = 0): void {
    const change = projectChangeSchema.parse({
      _id: { _data: 'aa' },
      operationType: 'update',
      clusterTime: new Timestamp({ t: time.seconds, i: time.increment }),
      documentKey: { _id: new ObjectId() },
      updated: [{ k: 'tags.0', v: 'a' }],
    });
    const last = { time, ordinal };
    outbox.put(change, last, { token: `after ${ordinal}`, startAt: null, last, source: null, committedAt: 0 });
  }

  it('dead-letters a change whose looked up values it fails to read, and goes on', async () => {
    const tags = Object.defineProperty(new (class {})(), 'odd', {
      enumerable: true,
      get() {
        throw new RangeError('a value that nobody thought of');
      },
    });
    const { outbox, topics, window, ending } = outboxOf(async (id) => ({ _id: id, tags }));
    putLookedUp(outbox);
    await until(() => window.published() !== undefined || ending.why() !== undefined);
    assert.equal(ending.why(), undefined);
    assert.equal(topics.deadLetters.messages[0]?.attributes.reason, 'unreadable-change');
    assert.equal(topics.reconciliationRequests.messages.length, 1);
  });

  it('reports text that was no UTF-8 where it is looked up, too', async () => {
    const { outbox, window, log } = outboxOf(async (id) => ({ _id: id, tags: ['Bad\ufffdtag'] }));
    putLookedUp(outbox);
    await window.emptied();
    const [warning] = log.lines.filter(({ message }) => message.includes('U+FFFD'));
    assert.deepEqual(warning?.fields.fields, ['tags']);
  });

  it('counts the bytes of what becomes no event, so that memory stays bounded while no dead letter is taken', async () => {
    const { outbox, topics, window } = outboxOf();
    topics.deadLetters.hold();
    const position = { token: 'after it', startAt: null, last: null, source: null, committedAt: 0 };
    const large = 'x'.repeat(quickLimits.maxInFlightBytes / 2);
    outbox.putUnreadable({ large }, 'no operationType', position);
    assert.equal(window.hasRoom(), true);
    const change = projectChangeSchema.parse({
      _id: { _data: 'aa' },
      operationType: 'insert',
      clusterTime: new Timestamp({ t: time.seconds, i: time.increment }),
      documentKey: { _id: new ObjectId() },
      fullDocument: { name: large },
    });
    outbox.put(change, { time, ordinal: 0 }, position);
    assert.equal(window.hasRoom(), false);
    topics.deadLetters.release();
    await window.emptied();
  });

  /** Reads changes whose values have to be looked up while nothing is taken, as long as there is room. */
  async function readLookedUp(bytes: number, changes: number): Promise<number> {
    const { outbox, topics, window } = outboxOf(async (id) => ({ _id: id, tags: 'x'.repeat(bytes) }));
    topics.events.hold();
    for (let ordinal = 0; ordinal < changes; ordinal += 1) {
      if (!window.hasRoom()) await until(() => window.hasRoom() || topics.events.open() === window.unpublished());
      if (!window.hasRoom()) break;
      putLookedUp(outbox, ordinal);
    }
    const read = window.unpublished();
    topics.events.release();
    await window.emptied();
    return read;
  }

  it('counts the bytes of what is looked up, also while nobody knows yet how many they will be', async () => {
    const bytes = 800_000;
    const read = await readLookedUp(bytes, 200);
    assert.ok(read * bytes <= quickLimits.maxInFlightBytes + bytes, `${read} changes of ${bytes} bytes`);
    assert.equal(await readLookedUp(10, 200), 200);
  });

  it('ends the run when not even the dead letter is taken, with the change unpublished', async () => {
    const { outbox, topics, window, ending, put } = outboxOf();
    topics.events.accepts = () => false;
    topics.deadLetters.accepts = () => false;
    put(0);
    await until(() => ending.why()?.kind === 'failed');
    assert.equal(window.unpublished(), 1);
    assert.equal(outbox.deadLettered(), 0);
  });
});
