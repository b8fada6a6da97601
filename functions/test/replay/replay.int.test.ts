// Publishing the history again: attacks "a new consumer gets what there was, and nobody else is disturbed by it".
import assert from 'node:assert/strict';
import type { Message } from '@google-cloud/pubsub';
import type { Firestore } from 'firebase-admin/firestore';
import { type PubSubServer, startPubSubServer } from '../../local/servers/pubsub/server.ts';
import { createTopics } from '../../local/topics.ts';
import { readInvocation } from '../../src/cli/command.ts';
import { exitCodes, replay } from '../../src/cli/replay/replay.ts';
import { hourMs, minuteMs } from '../../src/clock.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import { versionOf } from '../../src/events/version.ts';
import { createPubSub } from '../../src/publisher.ts';
import { historyEntryRef } from '../../src/records/historyEntry.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { replayHistory, type Selection } from '../../src/replay/replay.ts';
import { startCommand } from '../cli/commandProcess.fixture.ts';
import { type FakeTopic, fakeTopic } from '../support/topic.ts';
import { until } from '../support/until.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';

describe('replay', () => {
  let fixture: SyncFixture;
  let to: FakeTopic;
  beforeEach(async () => {
    fixture = await startSyncFixture();
    to = fakeTopic();
  });
  afterEach(() => fixture.close());

  const run = (selection: Selection) =>
    replayHistory(
      { firestore: fixture.firestore, to, signal: new AbortController().signal, onProgress: () => undefined },
      selection,
    );
  const published = () =>
    to.messages.map(({ data }) => {
      const decoded = decodeEvent(data);
      assert.ok(decoded.ok);
      return decoded.event;
    });

  /** Everything in the database. */
  async function everything(firestore: Firestore): Promise<Record<string, unknown>> {
    const collections = await firestore.listCollections();
    const all = await Promise.all(collections.map((collection) => collection.get()));
    return Object.fromEntries(all.flatMap(({ docs }) => docs.map((document) => [document.ref.path, document.data()])));
  }

  it('publishes a project’s events as they were, and applied twice they change nothing', async () => {
    await fixture.firestore.doc('media/m1').set({ projectId: 'p1', projectName: 'old' });
    fixture.alive.set('p1', { name: 'newest', status: 's' });
    const events = [
      event('ProjectCreated', 'p1', { name: 'a', status: 's' }),
      event('ProjectUpdated', 'p1', { name: 'newer' }),
      event('ProjectUpdated', 'p1', { name: 'newest' }),
    ];
    for (const each of [events[2], events[0], events[1]]) if (each) await fixture.deliver(each);
    const summary = await run({ kind: 'projects', projectIds: ['p1'] });
    assert.deepEqual(summary, { projects: 1, events: 3, omitted: 0, fromRecord: 0, unreadable: [] });
    assert.deepEqual(
      published().map(({ id, type, changes }) => ({ id, type, changes })),
      events.map(({ id, type, changes }) => ({ id, type, changes })),
    );
    assert.ok(to.messages.every(({ attributes }) => attributes.replay === 'true'));
    const before = await everything(fixture.firestore);
    for (const round of [to.messages, to.messages]) for (const message of round) await fixture.deliverMessage(message);
    assert.deepEqual(await everything(fixture.firestore), before);
  });

  it('takes what has expired, or was too long to be kept, from the record; says what it leaves out', async () => {
    const long = 'x'.repeat(2_000);
    const events = [
      event('ProjectCreated', 'p1', { name: 'a', status: long }),
      event('ProjectUpdated', 'p1', { status: 'y'.repeat(2_000) }),
      event('ProjectUpdated', 'p1', { name: 'b' }),
      event('ProjectUpdated', 'p1', { status: long }),
    ];
    for (const each of events) await fixture.deliver(each);
    const [, , third] = events;
    assert.ok(third);
    await historyEntryRef(fixture.firestore, third.id).delete();
    const summary = await run({ kind: 'projects', projectIds: ['p1'] });
    assert.deepEqual(summary, { projects: 1, events: 4, omitted: 2, fromRecord: 1, unreadable: [] });
    assert.deepEqual(
      published().map(({ version, changes }) => [version, changes]),
      [
        [events[0]?.version, { name: 'a' }],
        [events[1]?.version, {}],
        [third.version, { name: 'b' }],
        [events[3]?.version, { status: long }],
      ],
    );
  });

  it('since a time: all of the projects that changed since then; one that cannot be read stops no other', async () => {
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'a' }));
    await fixture.deliver(event('ProjectUpdated', 'p3', { name: 'c' }));
    await projectRecordRef(fixture.firestore, 'p3').update({ desired: 'damaged' });
    await historyEntryRef(fixture.firestore, 'p3:1').set({
      projectId: 'p3',
      receivedAt: new Date(fixture.clock.now() + 5_000),
    });
    fixture.clock.advance(5_000);
    const since = fixture.clock.now();
    await fixture.deliver(event('ProjectUpdated', 'p2', { name: 'b' }, since / 1_000));
    await fixture.deliver(event('ProjectUpdated', 'p1', { status: 's' }, since / 1_000));
    const summary = await run({ kind: 'since', since });
    assert.deepEqual([summary.projects, summary.events], [2, 3]);
    assert.match(summary.unreadable.join(), /p3/);
    assert.deepEqual(
      published()
        .map(({ projectId, changes }) => [projectId, changes])
        .sort(),
      [
        ['p1', { name: 'a' }],
        ['p1', { status: 's' }],
        ['p2', { name: 'b' }],
      ],
    );
  });

  it('since a time: what was committed before it and became known after it, because the relay was behind', async () => {
    const committed = Math.floor(fixture.clock.now() / 1_000);
    fixture.clock.advance(hourMs);
    const since = fixture.clock.now();
    fixture.clock.advance(minuteMs);
    // The relay was down for an hour; whoever has lost what was published since then has lost this, too.
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'late' }, committed));
    await run({ kind: 'since', since });
    assert.deepEqual(
      published().map(({ changes }) => changes),
      [{ name: 'late' }],
    );
  });

  it('reads and publishes a long history in pages', async () => {
    await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'a' }));
    const [entry] = (await fixture.firestore.collection('syncEvents').get()).docs;
    assert.ok(entry);
    const batch = fixture.firestore.batch();
    const at = Math.floor(fixture.clock.now() / 1_000);
    for (let increment = 1; increment <= 1_000; increment += 1) {
      const version = versionOf({ seconds: at - 60, increment }, 0);
      const id = `p1:${version}`;
      batch.set(historyEntryRef(fixture.firestore, id), { ...entry.data(), version });
    }
    await batch.commit();
    const summary = await run({ kind: 'projects', projectIds: ['p1'] });
    assert.equal(summary.events, 1_001);
    const versions = published().map(({ version }) => version);
    assert.deepEqual(versions, [...new Set(versions)].sort());
    assert.ok(to.mostOpen() <= 500, `${to.mostOpen()} at once`);
  });

  describe('as a command', function () {
    this.timeout(60_000);
    let pubsub: PubSubServer;
    before(async () => {
      pubsub = await startPubSubServer();
      await createTopics(pubsub.host, 'demo-test');
    });
    after(() => pubsub.close());

    async function command(line: string) {
      const process = startCommand(`replay/replay ${line}`, {
        GCLOUD_PROJECT: 'demo-test',
        FIRESTORE_EMULATOR_HOST: fixture.server.host,
        PUBSUB_EMULATOR_HOST: pubsub.host,
      });
      return { code: await process.ended, output: process.output() };
    }

    it('publishes to a topic that is named, and says how much', async () => {
      const client = createPubSub('demo-test', pubsub.host);
      await client.createTopic('new-consumer');
      await client.topic('new-consumer').createSubscription('new-consumer');
      await client.close();
      await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'a' }));
      const { code, output } = await command('--project p1 --to new-consumer');
      assert.equal(code, exitCodes.complete, output);
      assert.match(output, /1 events of 1 projects published to new-consumer/);
      assert.equal((await command('--project nobody --to new-consumer')).code, exitCodes.nothing);
    });

    it('publishes deletions to their own topic where none is named', async () => {
      const client = createPubSub('demo-test', pubsub.host);
      const [subscription] = await client.topic('project-deletions').createSubscription('replayed');
      const received: Message[] = [];
      subscription.on('message', (message: Message) => {
        received.push(message);
        message.ack();
      });
      await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'a' }));
      await fixture.deliver(event('ProjectDeleted', 'p1'));
      const { code, output } = await command('--project p1');
      assert.equal(code, exitCodes.complete, output);
      assert.match(output, /2 events of 1 projects published to the topics of events/);
      await until(() => received.length > 0);
      assert.deepEqual(
        received.map(({ attributes }) => attributes.type),
        ['ProjectDeleted'],
      );
      await subscription.close();
      await client.close();
    });

    it('refuses a time from which the history is not whole', async () => {
      const { code, output } = await command('--since 2020-01-01 --to new-consumer');
      assert.equal(code, exitCodes.usage, output);
      assert.match(output, /no history is kept.*--project/);
      await fixture.deliver(event('ProjectUpdated', 'p1', { name: 'a' }));
      const expired = await command('--since 2020-01-01 --to new-consumer');
      assert.match(expired.output, /the history goes back to .*HISTORY_DAYS.*--project/);
    });

    for (const [line, problem] of [
      ['--project p1 --to sync-alerts', /not a topic of events/],
      ['--to new-consumer', /either --project or --since/],
      ['--project p1 --since 2026-01-01 --to new-consumer', /either --project or --since/],
      ['--since yesterday --to new-consumer', /expected a time/],
    ] as const) {
      it(`refuses "${line}"`, () => {
        const read = readInvocation(replay, line.split(' '), { GCLOUD_PROJECT: 'demo-test' });
        assert.match(read.kind === 'mistake' ? read.message : read.kind, problem);
      });
    }

    it('publishes to the topics of events where none is named', () => {
      const read = readInvocation(replay, ['--project', 'p'], { GCLOUD_PROJECT: 'demo-test' });
      assert.ok(read.kind === 'run');
      assert.equal(read.settings.topic, null);
    });
  });
});
