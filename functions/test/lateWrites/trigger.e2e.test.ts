// The guard as it is deployed: a write of a document, its event, the function, and the deletion on the topic.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Firestore } from 'firebase-admin/firestore';
import { freePorts } from '../../local/freePorts.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { decodeEvent } from '../../src/events/codec.ts';
import type { ProjectEvent } from '../../src/events/contract.ts';
import { versionOf } from '../../src/events/version.ts';
import config from '../../src/lockstep.config.ts';
import { createPubSub } from '../../src/publisher.ts';
import { emptyProjectRecord, projectRecordData, projectRecordRef } from '../../src/records/projectRecord.ts';
import { connectSource } from '../../src/source/connect.ts';
import { until } from '../support/until.ts';

const bundle = join(import.meta.dirname, '..', '..', 'local', 'demo', 'guardedBundle.ts');

describe('the guard as a function', function () {
  this.timeout(60_000);
  let stack: Stack;
  const failures: string[] = [];

  before(async () => {
    const [mongodb = 0, firestore = 0, pubsub = 0, functions = 0, page = 0] = await freePorts(5);
    stack = await startStack({
      bundle,
      ports: { mongodb, firestore, pubsub, functions, page },
      onLog: ({ severity, message }) => {
        // A write that MongoDB's time has not passed yet is redelivered.
        if (severity === 'ERROR' && !message.includes('NotReachedError')) failures.push(message);
      },
    });
  });
  after(() => stack.close());

  it('publishes a deletion for a late write, and nothing for its own deletion of it', async () => {
    const projectId = '66f0aa00bb11cc22dd33ee01';
    const firestore = new Firestore({
      projectId: stack.variables.GCLOUD_PROJECT ?? '',
      host: stack.firestoreHost,
      ssl: false,
    });
    const pubsub = createPubSub(stack.variables.GCLOUD_PROJECT, stack.pubsubHost);
    const [subscription] = await pubsub.topic('project-deletions').createSubscription('late-writes');
    const events: ProjectEvent[] = [];
    subscription.on('message', (message) => {
      const decoded = decodeEvent(message.data);
      if (decoded.ok) events.push(decoded.event);
      message.ack();
    });
    try {
      const anHourAgo = versionOf({ seconds: Math.floor(Date.now() / 1000) - 3600, increment: 1 }, 0);
      const record = emptyProjectRecord(projectId);
      const desired = { kind: 'deleted', version: anHourAgo, deletedVersion: anHourAgo, fields: {} } as const;
      await projectRecordRef(firestore, projectId).set(projectRecordData({ ...record, desired }));
      const asset = firestore.doc('prototypes/late');
      await asset.set({ meta: { projectId } });
      // MongoDB's time goes on, as it does by itself where something is written or tailed.
      const source = await connectSource(stack.mongodbUri, config);
      await source.projects.insertOne({ _id: 'another', name: 'another' });
      await source.close();
      await until(() => events.length > 0, 'the deletion is on the topic', 30_000);
      await asset.delete();
      await firestore.doc('prototypes/of-nobody').set({ meta: {} });
      const succeeded = () => {
        const [status] = stack.runtime?.functions() ?? [];
        return status === undefined ? 0 : status.invocations - status.errors;
      };
      await until(() => succeeded() === 3, 'the function was called with each write');
      assert.deepEqual(
        events.map(({ type, projectId: of, origin }) => ({ type, of, channel: origin.channel })),
        [{ type: 'ProjectDeleted', of: projectId, channel: 'guard' }],
      );
      assert.deepEqual(failures, []);
    } finally {
      await subscription.close();
      await pubsub.close();
      await firestore.terminate();
    }
  });
});
