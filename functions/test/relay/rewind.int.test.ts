import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ObjectId } from 'mongodb';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config/defineConfig.ts';
import type { ClusterTime } from '../../src/events/version.ts';
import { clusterTimeAt } from '../../src/relay/place.ts';
import { oldestPlace, openRewind } from '../../src/relay/rewind.ts';
import { connectSource } from '../../src/source/connect.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { defaultSyncLimits } from '../../src/sync/limits.ts';
import { createSyncMemory } from '../../src/sync/memory/memory.ts';
import { createThrottle } from '../../src/sync/pages/throttle.ts';
import { createSyncWorker } from '../../src/sync/worker.ts';
import { type ShiftedClock, shiftedClock } from '../support/clock.ts';
import { failCommand, failPoint } from '../support/failPoint.ts';
import { recordedLog } from '../support/log.ts';
import { fakeTopic } from '../support/topic.ts';
import { until } from '../support/until.ts';
import { type RelayFixture, startRelayFixture } from './fixtures/relay.fixture.ts';

// Attacks: never two places; the same change has the same id for ever (I2, I3); nothing is passed over (I1).
describe('relay: going back', () => {
  let fixture: RelayFixture;
  let mongoClock: ShiftedClock;
  const minute = 60_000;

  beforeEach(async () => {
    mongoClock = shiftedClock();
    fixture = await startRelayFixture({ clock: mongoClock });
  });
  afterEach(() => fixture.close());

  const names = () => fixture.events().map(({ changes }) => changes.name);
  const insert = async (name: string) => {
    mongoClock.shift(minute);
    const _id = new ObjectId();
    await fixture.projects.insertOne({ _id, name });
    return _id;
  };
  const goBack = (to: number) =>
    fixture.firestore.runTransaction(async (transaction) => {
      const rewind = { to, by: 'ann@example.com', at: systemClock.now() };
      const opened = await openRewind(
        { firestore: fixture.firestore, source: fixture.config.source },
        transaction,
        rewind,
      );
      if (opened.judgement.kind === 'possible') opened.write();
      return opened.judgement;
    });
  const placeOf = (time: ClusterTime | undefined) => (time?.seconds ?? 0) * 1_000;

  /** A relay that has published three changes, a minute apart, and the time of the second. */
  async function published() {
    const relay = await fixture.reading();
    await insert('a');
    await until(() => names().length === 1);
    await insert('b');
    const { checkpoint } = await fixture.untilRecord(
      ({ checkpoint: { last } }) => names().length === 2 && placeOf(last?.time) >= mongoClock.now() - minute / 2,
    );
    await insert('c');
    await until(() => names().length === 3);
    await fixture.untilRecord(({ checkpoint: { last } }) => placeOf(last?.time) >= mongoClock.now() - minute / 2);
    return { relay, second: placeOf(checkpoint.last?.time) };
  }

  it('ends the relay at work, and the next one publishes the changes since then again, as they were', async () => {
    const { relay, second } = await published();
    const before = fixture.events();
    assert.equal((await goBack(second)).kind, 'possible');
    assert.equal((await relay.outcome).kind, 'lease-lost');
    assert.deepEqual(relay.log.alarms(), []);
    const next = await fixture.reading();
    await until(() => names().length === 5);
    assert.deepEqual(fixture.events().slice(3), before.slice(1));
    await insert('d');
    await until(() => names().length === 6);
    await next.stop();
    const after = await fixture.record();
    assert.equal(after.rewind, null);
    assert.deepEqual(names(), ['a', 'b', 'c', 'b', 'c', 'd']);
    // It was done once.
    const third = await fixture.reading();
    await third.stop();
    assert.equal(names().length, 6);
  });

  it('changes no asset: what is published again is known', async () => {
    const { second } = await published();
    const projects = await fixture.projects.find().toArray();
    const config = defineConfig({
      source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
      collections: [{ path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } }],
    });
    for (const { _id } of projects) {
      await fixture.firestore.collection('storyboards').add({ projectId: String(_id), projectName: 'old' });
    }
    const source = await connectSource(fixture.uri(), config);
    const worker = createSyncWorker({
      firestore: fixture.firestore,
      config,
      truth: createProjectTruth(source, config),
      control: { read: async () => ({ paused: [] }) },
      countProjects: async () => projects.length,
      events: fakeTopic(),
      deadLetters: fakeTopic(),
      clock: mongoClock,
      random: () => 0.5,
      uniqueId: () => String(new ObjectId()),
      log: recordedLog(),
      limits: defaultSyncLimits,
      throttle: createThrottle(),
      memory: createSyncMemory(),
    });
    const apply = async (from: number) => {
      const outcomes: string[] = [];
      for (const event of fixture.events().slice(from)) {
        const options = { deadline: mongoClock.now() + minute, signal: new AbortController().signal };
        outcomes.push((await worker.apply(event, options)).kind);
      }
      return outcomes;
    };
    const assets = async () => {
      const { docs } = await fixture.firestore.collection('storyboards').get();
      return docs.map((document) => ({ ...document.data(), at: document.updateTime.toMillis() }));
    };
    assert.deepEqual(await apply(0), ['applied', 'applied', 'applied']);
    const before = await assets();
    await goBack(second);
    await fixture.reading();
    await until(() => names().length === 5);
    assert.deepEqual(await apply(3), ['duplicate', 'duplicate']);
    assert.deepEqual(await assets(), before);
    await source.close();
  });

  it('is refused where it would go forwards, or there is no place yet', async () => {
    assert.match(JSON.stringify(await goBack(systemClock.now())), /never run/);
    const { relay } = await published();
    const judgement = await goBack(mongoClock.now() + minute);
    assert.match(JSON.stringify(judgement), /has read up to .*can only go back/);
    assert.equal(relay.health.status().phase, 'reading');
  });

  it('goes on from where it was, with an alarm that says the oldest possible time, beyond the oplog', async () => {
    const { relay, second } = await published();
    fixture.mongo.truncateOplog();
    const truncatedAt = mongoClock.now();
    await insert('d');
    await until(() => names().length === 4);
    await fixture.untilRecord(({ checkpoint: { last } }) => placeOf(last?.time) > truncatedAt);
    await goBack(second);
    await relay.outcome;
    const next = await fixture.reading();
    await insert('e');
    await until(() => names().length === 5);
    assert.deepEqual(next.log.alarms(), ['rewind-refused']);
    const oldest = next.log.lines.find(({ level }) => level === 'alarm')?.fields.oldest;
    assert.ok(Date.parse(String(oldest)) > second, String(oldest));
    await fixture.untilRecord(({ rewind }) => rewind === null);
    assert.deepEqual(names(), ['a', 'b', 'c', 'd', 'e']);
  });

  it('waits for MongoDB when that is unreachable, and is done then', async () => {
    const { relay, second } = await published();
    await relay.stop();
    // An election is under way.
    await failCommand(fixture.client, ['aggregate'], { errorCode: 11602 }, 'alwaysOn');
    await goBack(second);
    const next = await fixture.start();
    await until(() => next.health.status().phase === 'retrying');
    assert.notEqual((await fixture.record()).rewind, null);
    await failPoint(fixture.client, 'failCommand', 'off');
    await until(() => names().length === 5);
    assert.deepEqual(names(), ['a', 'b', 'c', 'b', 'c']);
  });
});

describe('the oldest place to go back to', () => {
  const now = Date.UTC(2026, 10, 27, 12);
  const monthSeconds = 30 * 24 * 3_600;

  it('is found to the second, with few questions (property)', async () => {
    const seconds = fc
      .tuple(fc.nat(monthSeconds), fc.nat(monthSeconds))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
    await fc.assert(
      fc.asyncProperty(seconds, async ([oldestAgo = 0, tooOldAgo = 0]) => {
        const oldest = now - oldestAgo * 1_000;
        let questions = 0;
        const reaches = async (at: ClusterTime) => {
          questions += 1;
          return at.seconds >= clusterTimeAt(oldest).seconds;
        };
        assert.equal(await oldestPlace(reaches, now - (tooOldAgo + 1) * 1_000, now), oldest);
        assert.ok(questions <= 1 + Math.ceil(Math.log2(monthSeconds + 1)), `${questions} questions`);
      }),
    );
  });

  it('is none when the oplog does not even reach back to now', async () => {
    assert.equal(await oldestPlace(async () => false, now - 1_000_000, now), null);
  });
});
