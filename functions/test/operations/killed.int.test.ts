// Processes that are killed in the middle of a decision about many: attacks I12, "action and entry are both there, or
// neither", and I9, "what was decided has a message that stands for it".
import assert from 'node:assert/strict';
import type { Message } from '@google-cloud/pubsub';
import { type PubSubServer, startPubSubServer } from '../../local/servers/pubsub/server.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import { defaultHoldLimits } from '../../src/holds/limits.ts';
import { lookAfter } from '../../src/operations/upkeep.ts';
import { createPublisher, createPubSub } from '../../src/publisher.ts';
import { startCommand } from '../cli/commandProcess.fixture.ts';
import { shiftedClock } from '../support/clock.ts';
import { until } from '../support/until.ts';
import { event, type SyncFixture, startSyncFixture } from '../sync/worker.fixture.ts';
import { auditOf, upkeepWith } from './operations.fixture.ts';

// The client library would look for a metadata server of the cloud.
process.env.METADATA_SERVER_DETECTION ??= 'none';

/** Firestore's clock: once a process is dead, its transaction runs out. */
const serverClock = shiftedClock();
const transactionMs = 61_000;

const held = 24;
const kills = 5;

describe('a decision whose process is killed', function () {
  this.timeout(120_000);
  let fixture: SyncFixture;
  let pubsub: PubSubServer;
  before(async () => {
    pubsub = await startPubSubServer();
    fixture = await startSyncFixture({ serverClock, limits: { hold: { ...defaultHoldLimits, maxProjects: 1 } } });
    await fixture.deliver(event('ProjectDeleted', 'first'));
    for (let index = 0; index < held; index += 1) {
      await fixture.firestore.doc(`media/p${index}`).set({ projectId: `p${index}` });
      await fixture.deliver(event('ProjectDeleted', `p${index}`));
    }
  });
  const closers: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const close of closers.reverse()) await close();
    await Promise.all([fixture.close(), pubsub.close()]);
  });

  /** Projects whose deletion may be carried out, as their records say; and as the audit says. */
  async function decided() {
    const records = await fixture.firestore.collection('syncProjects').where('projectId', '>', 'o').get();
    const released = records.docs.filter((record) => record.get('hold')?.state === 'released');
    const audited = await auditOf(fixture.firestore);
    assert.ok(audited.every(({ action }) => action === 'release-holds'));
    return {
      records: released.map((record) => `project ${record.get('projectId')}`).sort(),
      audit: audited.map(({ target }) => target).sort(),
    };
  }

  it('leaves for every project both or neither; repeated, it decides each once, and every event is published', async () => {
    const client = createPubSub('demo-test', pubsub.host);
    await client.createTopic('project-events');
    const [topic] = await client.createTopic('project-deletions');
    const [subscription] = await topic.createSubscription('all');
    const published = new Set<string>();
    subscription.on('message', (message: Message) => {
      const decoded = decodeEvent(message.data);
      if (decoded.ok) published.add(`project ${decoded.event.projectId}`);
      message.ack();
    });
    closers.push(
      () => client.close(),
      () => subscription.close(),
    );
    const release = () => {
      const command = startCommand(
        ['holds', 'release', '--all', '--yes', '--reason', 'looked at them', '--as', 'olga'],
        {
          GCLOUD_PROJECT: 'demo-test',
          FIRESTORE_EMULATOR_HOST: fixture.server.host,
          PUBSUB_EMULATOR_HOST: pubsub.host,
        },
      );
      closers.push(async () => {
        command.child.kill('SIGKILL');
        await command.ended;
      });
      return command;
    };
    let before = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      // Each answer of a commit is late, so that there is a middle; which commit it is differs from kill to kill.
      fixture.server.faults.inject('Commit', { latencyMs: 20, afterEffect: kill % 2 === 0 }, 1_000);
      const command = release();
      await until(
        async () => (await auditOf(fixture.firestore)).length >= before + 1 + (kill % 3),
        'it decides',
        30_000,
      );
      command.child.kill('SIGKILL');
      await command.ended;
      fixture.server.faults.clear();
      serverClock.shift(transactionMs);
      const { records, audit } = await decided();
      assert.deepEqual(audit, records);
      assert.ok(audit.length < held, 'there is something left to decide');
      before = audit.length;
    }
    const last = release();
    assert.equal(await last.ended, 0, last.output());
    const { records, audit } = await decided();
    assert.equal(records.length, held);
    assert.deepEqual(audit, records);
    const events = createPublisher(createPubSub('demo-test', pubsub.host), 'project-deletions');
    await lookAfter(upkeepWith({ ...fixture.dependencies, publisherTo: async () => events }));
    assert.equal((await fixture.firestore.collection('syncOutbox').get()).size, 0);
    await until(() => published.size === held, 'every event is published');
  });
});
