import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Long, ObjectId, UUID } from 'mongodb';
import { systemClock } from '../../../src/clock.ts';
import { adoptSource } from '../../../src/relay/adopt.ts';
import { placeTime } from '../../../src/relay/place.ts';
import { parseRelayRecord, relayRecordRef } from '../../../src/relay/relayRecord.ts';
import { openRewind } from '../../../src/relay/rewind.ts';
import { shardOf } from '../../../src/relay/shards/shard.ts';
import { connectSource, type ProjectDocument } from '../../../src/source/connect.ts';
import { type ShiftedClock, shiftedClock } from '../../support/clock.ts';
import { failCommand } from '../../support/failPoint.ts';
import { until } from '../../support/until.ts';
import { retryContext } from '../fixtures/doubles.ts';
import { type RelayFixture, type RelayStart, type RunningRelay, startRelayFixture } from '../fixtures/relay.fixture.ts';

// I1: shards together lose nothing, also where their number changes and everything dies meanwhile; I2: what comes twice
// is the same; I3: one layout at a time.
describe('relay: shards', () => {
  let fixture: RelayFixture;
  let mongoClock: ShiftedClock;

  beforeEach(async () => {
    mongoClock = shiftedClock();
    fixture = await startRelayFixture({ clock: mongoClock });
  });
  afterEach(() => fixture.close());

  const minute = 60_000;
  const names = () => fixture.events().map(({ changes }) => changes.name);
  const refOf = (shard: number) => relayRecordRef(fixture.firestore, fixture.config.source, shard);
  const recordOf = async (shard: number) => {
    const { path } = refOf(shard);
    return parseRelayRecord(path, (await refOf(shard).get()).data());
  };
  const recordIds = async () => (await fixture.ref.parent.get()).docs.map(({ id }) => id);
  const reasons = () =>
    fixture.topics.reconciliationRequests.messages.map(({ data }) => JSON.parse(data.toString()).reason);

  /** Starts the relays of all shards; the first makes the records of the others. */
  async function startAll(of: number, options: RelayStart = {}): Promise<RunningRelay[]> {
    const first = await fixture.reading({ ...options, shard: { number: 1, of } });
    const others = Array.from({ length: of - 1 }, (_, index) => index + 2);
    return [
      first,
      ...(await Promise.all(others.map((number) => fixture.reading({ ...options, shard: { number, of } })))),
    ];
  }

  /** Creates projects in one transaction, so that only their count tells their versions apart. */
  async function insertTogether(documents: readonly ProjectDocument[]): Promise<void> {
    await fixture.client.withSession((session) =>
      session.withTransaction(async () => {
        for (const document of documents) await fixture.projects.insertOne(document, { session });
      }),
    );
  }

  /** Projects of all shards. */
  const projectsNamed = (prefix: string, count: number): ProjectDocument[] =>
    Array.from({ length: count }, (_, index) => ({
      _id: new ObjectId(Buffer.concat([randomBytes(11), Buffer.from([(index * 37) % 256])])),
      name: `${prefix}${index}`,
    }));

  it('publish each change once, each the projects of its own, with the versions that one relay gives', async () => {
    const relays = await startAll(3);
    mongoClock.shift(minute);
    const to = mongoClock.now() - 10_000;
    const projects = projectsNamed('p', 24);
    await insertTogether(projects);
    await until(() => names().length >= 24);
    const outcomes = await Promise.all(relays.map((relay) => relay.stop()));
    const events = fixture.events();
    assert.deepEqual(names().sort(), projects.map(({ name }) => name).sort());
    const counts = [1, 2, 3].map((number) => events.filter(({ projectId }) => shardOf(projectId, 3) === number).length);
    assert.deepEqual(
      outcomes.map(({ published }) => published),
      counts,
    );
    assert.ok(counts.every((count) => count > 0));
    // The same again, by one relay: it begins where the shards began, and each event is the same to the byte.
    const sharded = new Map(fixture.topics.events.messages.map(({ data }) => [data.toString(), data]));
    await fixture.firestore.runTransaction(async (transaction) => {
      const kept = { firestore: fixture.firestore, source: fixture.config.source };
      const { judgement, write } = await openRewind(kept, transaction, { to, by: 'ann', at: to });
      assert.equal(judgement.kind, 'possible');
      write();
    });
    fixture.topics.events.messages.length = 0;
    await fixture.reading({ shard: { number: 1, of: 1 } });
    await until(() => names().length >= 24);
    for (const { data } of fixture.topics.events.messages) assert.ok(sharded.has(data.toString()), data.toString());
  });

  it('publish the changes of ids of every type, which MongoDB does not divide', async () => {
    const relays = await startAll(3);
    const ids = [
      ...Array.from({ length: 6 }, (_, index) => `slug-${index}`),
      ...Array.from({ length: 6 }, () => new UUID()),
      ...Array.from({ length: 6 }, (_, index) => index),
      ...Array.from({ length: 6 }, (_, index) => Long.fromNumber(2 ** 40 + index)),
      // A text that looks like an ObjectId is the project of that id.
      '66f0a1b2c3d4e5f6012345ff',
    ];
    for (const _id of ids) await fixture.projects.insertOne({ _id, name: String(_id) });
    await until(() => names().length >= ids.length);
    const outcomes = await Promise.all(relays.map((relay) => relay.stop()));
    assert.deepEqual(names().sort(), ids.map(String).sort());
    assert.ok(outcomes.every(({ published }) => published > 0));
  });

  it('have a record each, and without shards there is one as it always was', async () => {
    await Promise.all((await startAll(1)).map((relay) => relay.stop()));
    assert.deepEqual(await recordIds(), ['collaboration%2Eprojects']);
    const { fieldNames, version } = await describeRecord();
    assert.equal(version, 1);
    assert.ok(!fieldNames.includes('shards') && !fieldNames.includes('status'));
    await Promise.all((await startAll(3)).map((relay) => relay.stop()));
    assert.deepEqual((await recordIds()).sort(), [
      'collaboration%2Eprojects',
      'collaboration%2Eprojects$2',
      'collaboration%2Eprojects$3',
    ]);
    // Code that knows no shards refuses it.
    assert.equal((await describeRecord()).version, 2);
    await Promise.all((await startAll(1)).map((relay) => relay.stop()));
    assert.deepEqual(await recordIds(), ['collaboration%2Eprojects']);
    assert.deepEqual(await describeRecord(), { fieldNames, version });
  });

  async function describeRecord() {
    const data = (await fixture.ref.get()).data() ?? {};
    return { fieldNames: Object.keys(data).sort(), version: data.schemaVersion };
  }

  it('ask for one reconciliation at their first start, and for one when the collection is dropped', async () => {
    await startAll(3);
    await until(() => reasons().length > 0);
    await fixture.projects.insertOne({ _id: new ObjectId(), name: 'a' });
    await until(() => names().length === 1);
    await fixture.projects.drop();
    await until(() => reasons().length === 2);
    const projects = projectsNamed('after', 12);
    await fixture.projects.insertMany(projects);
    await until(() => names().length === 13);
    assert.deepEqual(reasons(), ['first-start', 'source-invalidated']);
  });

  it('are followed by who holds the lease of each; a number that there is not is not needed', async () => {
    await startAll(2);
    const beyond = await fixture.start({ shard: { number: 3, of: 3 } });
    const outcome = await beyond.outcome;
    assert.ok(outcome.kind === 'not-needed' && outcome.heldBy === null);
    const standby = await fixture.start({ shard: { number: 2, of: 2 } });
    const first = await fixture.start({ shard: { number: 1, of: 5 } });
    await until(() => standby.health.status().phase === 'standing-by');
    assert.equal(first.health.status().phase, 'standing-by');
    assert.equal((await recordOf(1)).shards, 2);
  });

  it('take the leases of those of another number, which then move nothing', async () => {
    const before = await startAll(3);
    const [first, second, third] = before;
    assert.ok(first && second && third);
    await first.stop();
    const relay = await fixture.reading({ shard: { number: 1, of: 2 } });
    const outcomes = await Promise.all([second.outcome, third.outcome]);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['lease-lost', 'lease-lost'],
    );
    assert.deepEqual([...second.log.alarms(), ...third.log.alarms()], []);
    assert.equal((await recordOf(2)).lease.holder, null);
    assert.ok((await recordOf(2)).lease.fencing > 1);
    assert.equal((await refOf(3).get()).exists, false);
    await relay.stop();
  });

  it('never give out a fencing token twice, also to a shard that there was before', async () => {
    const tokens: number[] = [];
    for (const count of [3, 1, 3, 2, 3]) {
      const relays = await startAll(count);
      if (count === 3) tokens.push((await recordOf(3)).lease.fencing);
      await Promise.all(relays.map((relay) => relay.stop()));
    }
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].sort((a, b) => a - b),
    );
    assert.equal(tokens.length, 3);
  });

  for (const afterEffect of [false, true]) {
    it(`change their number in one write, also when its answer is lost (${afterEffect ? 'done' : 'not done'})`, async () => {
      await Promise.all((await startAll(2)).map((relay) => relay.stop()));
      // The first commit takes the lease.
      fixture.firestoreServer.faults.inject('Commit', { latencyMs: 1 });
      fixture.firestoreServer.faults.inject('Commit', { error: { code: 'DEADLINE_EXCEEDED' }, afterEffect });
      const relay = await fixture.reading({ shard: { number: 1, of: 4 } });
      assert.equal(fixture.firestoreServer.faults.pending(), 0);
      const records = await Promise.all([1, 2, 3, 4].map(recordOf));
      assert.deepEqual(
        records.map(({ shards }) => shards),
        [4, 4, 4, 4],
      );
      assert.equal((await relay.stop()).kind, 'stopped');
      assert.deepEqual(relay.log.alarms(), []);
    });
  }

  it('begin again where one was removed, with a reconciliation', async () => {
    await Promise.all((await startAll(2)).map((relay) => relay.stop()));
    await refOf(2).delete();
    await startAll(2);
    await until(() => reasons().length === 2);
    assert.deepEqual(reasons(), ['first-start', 'first-start']);
  });

  it('go back together, those that have come further', async () => {
    const relays = await startAll(2);
    mongoClock.shift(minute);
    const to = mongoClock.now() - 10_000;
    const projects = projectsNamed('p', 12);
    await fixture.projects.insertMany(projects);
    await until(() => names().length === 12);
    await until(async () => {
      const records = await Promise.all([recordOf(1), recordOf(2)]);
      return records.every(({ checkpoint }) => checkpoint.last !== null);
    });
    await fixture.firestore.runTransaction(async (transaction) => {
      const kept = { firestore: fixture.firestore, source: fixture.config.source };
      const { write } = await openRewind(kept, transaction, { to, by: 'ann', at: to });
      write();
    });
    assert.deepEqual(
      (await Promise.all(relays.map((relay) => relay.outcome))).map(({ kind }) => kind),
      ['lease-lost', 'lease-lost'],
    );
    await startAll(2);
    await until(() => names().length === 24);
    const data = fixture.topics.events.messages.map((message) => message.data.toString());
    assert.equal(new Set(data).size, 12);
  });

  it('lose nothing where their number changes before one of them has gone back, and another is further behind', async () => {
    const [first, second] = await startAll(2);
    assert.ok(first && second);
    await second.stop();
    mongoClock.shift(minute);
    await fixture.projects.insertMany(projectsNamed('behind', 12));
    mongoClock.shift(minute);
    const to = mongoClock.now() - 10_000;
    await fixture.projects.insertMany(projectsNamed('later', 12));
    await fixture.untilRecord(({ checkpoint }) => (placeTime({ checkpoint }) ?? 0) > to);
    await fixture.firestore.runTransaction(async (transaction) => {
      const kept = { firestore: fixture.firestore, source: fixture.config.source };
      const { judgement, write } = await openRewind(kept, transaction, { to, by: 'ann', at: to });
      assert.equal(judgement.kind, 'possible');
      write();
    });
    await first.outcome;
    await startAll(1);
    await until(() => new Set(names()).size === 24);
  });

  for (const [times, what] of [
    [1, 'fetch small what MongoDB cannot send'],
    [2, 'skip what not even names its project, with a reconciliation of all: it may be nobody else’s'],
  ] as const) {
    it(what, async () => {
      await Promise.all((await startAll(2)).map((relay) => relay.stop()));
      fixture.topics.reconciliationRequests.messages.length = 0;
      const projects = projectsNamed('p', 8);
      const [large, ...others] = [...projects.filter(({ _id }) => shardOf(String(_id), 2) === 2)];
      assert.ok(large);
      await fixture.projects.insertMany([large, ...others]);
      const tooLarge = 10334;
      await failCommand(fixture.client, ['aggregate'], { errorCode: tooLarge }, { times });
      await fixture.reading({ shard: { number: 2, of: 2 } });
      const expected = times === 1 ? [large, ...others] : others;
      await until(() => names().length === expected.length);
      assert.deepEqual(names().sort(), expected.map(({ name }) => name).sort());
      assert.equal(fixture.topics.deadLetters.messages.length, times - 1);
      assert.deepEqual(reasons(), times === 1 ? [] : ['change-unreadable']);
    });
  }

  it('are adopted together, with one reconciliation', async () => {
    const [, second] = await startAll(2).then(async ([first, ...others]) => {
      await first?.stop();
      return [first, ...others];
    });
    const source = await connectSource(fixture.uri(), fixture.config);
    const { firestore, config } = fixture;
    const signal = AbortSignal.timeout(10_000);
    const adoption = await adoptSource({
      ...retryContext(systemClock),
      source,
      firestore,
      config,
      holder: 'a',
      signal,
    });
    await source.close();
    assert.equal(adoption.kind, 'adopted');
    assert.equal((await second?.outcome)?.kind, 'lease-lost');
    const [one, other] = await Promise.all([recordOf(1), recordOf(2)]);
    assert.deepEqual(one.checkpoint, other.checkpoint);
    assert.deepEqual([one.reconciliationPending?.reason, other.reconciliationPending], ['source-adopted', null]);
  });

  it('lose nothing and repeat only identical events, whenever all die and however their number changes', async function () {
    this.timeout(60_000);
    await Promise.all((await startAll(1)).map((relay) => relay.stop()));
    // Every relay sees the leases of all before it as run out.
    let aheadMs = 0;
    const round = fc.record({
      of: fc.integer({ min: 1, max: 4 }),
      changes: fc.integer({ min: 1, max: 8 }),
      together: fc.boolean(),
      killAfter: fc.integer({ min: 0, max: 12 }),
      isAsked: fc.boolean(),
      // A shard that nobody follows meanwhile.
      without: fc.option(fc.integer({ min: 2, max: 4 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 2, maxLength: 4 }), async (rounds) => {
        fixture.topics.events.messages.length = 0;
        const expected: unknown[] = [];
        for (const { of, changes, together, killAfter, isAsked, without } of rounds) {
          aheadMs += minute;
          const seen = fixture.topics.events.messages.length;
          const numbers = Array.from({ length: of }, (_, index) => index + 1).filter((number) => number !== without);
          const starting = Promise.all(numbers.map((number) => fixture.start({ shard: { number, of }, aheadMs })));
          const projects = projectsNamed(`${randomUUID()}-`, changes);
          expected.push(...projects.map(({ name }) => name));
          const half = Math.ceil(changes / 2);
          for (const part of [projects.slice(0, half), projects.slice(half)].filter(({ length }) => length > 0)) {
            // Places are compared by whole seconds.
            mongoClock.shift(3_000);
            if (together) await insertTogether(part);
            else await fixture.projects.insertMany(part);
          }
          const relays = await starting;
          const followed = projects.filter(({ _id }) => numbers.includes(shardOf(String(_id), of)));
          const wanted = Math.min(killAfter, followed.length);
          await until(
            async () =>
              fixture.topics.events.messages.length >= seen + wanted ||
              // Shards whose record was not there yet have left.
              relays.some(({ health }) => health.status().phase === 'ended'),
          );
          await Promise.all(relays.map((relay) => (isAsked ? relay.stop() : relay.kill())));
        }
        aheadMs += minute;
        const relays = await startAll(3, { aheadMs });
        await until(() => expected.every((name) => names().includes(name as string)));
        await Promise.all(relays.map((relay) => relay.stop()));
        const byName = new Map<unknown, string>();
        for (const { data } of fixture.topics.events.messages) {
          const text = data.toString();
          const { name } = JSON.parse(text).changes;
          assert.equal(byName.get(name) ?? text, text);
          byName.set(name, text);
        }
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });
});
